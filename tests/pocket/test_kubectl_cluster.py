"""What people ask a cluster about itself with kubectl: version, kinds, fields, rights; and its refusals."""

from __future__ import annotations

import json

import pytest
import yaml

pytestmark = pytest.mark.pocket


def test_version_and_cluster_info(cluster):
    version = cluster.json("version")["serverVersion"]
    assert version["gitVersion"].startswith("v1.36")
    assert f"control plane is running at {cluster.server}\n" in cluster.kubectl("cluster-info")
    assert cluster.kubectl("config", "current-context") == "minikube\n"


def test_kinds(cluster):
    lines = {line.split()[0]: line.split() for line in cluster.kubectl("api-resources").splitlines()}
    assert lines["deployments"] == ["deployments", "deploy", "apps/v1", "true", "Deployment"]
    assert lines["nodes"] == ["nodes", "no", "v1", "false", "Node"]
    assert {"v1", "apps/v1", "autoscaling/v1", "autoscaling/v2"} <= set(
        cluster.kubectl("api-versions").split()
    )


@pytest.mark.parametrize(
    ("what", "expected"),
    [
        ("pod.spec.containers", ("KIND:       Pod", "FIELD: containers <[]Container>", "image\t<string>")),
        (
            "deployment.spec.replicas",
            ("GROUP:      apps", "FIELD: replicas <integer>", "Number of desired pods"),
        ),
        ("statefulset.spec.volumeClaimTemplates", ("VERSION:    v1", "FIELD: volumeClaimTemplates")),
    ],
)
def test_explain(cluster, what, expected):
    said = cluster.kubectl("explain", what)
    for text in expected:
        assert text in said


def test_rights(cluster, namespace):
    assert cluster.kubectl("auth", "can-i", "create", "pods") == "yes\n"
    assert "*.*" in cluster.kubectl("auth", "can-i", "--list")
    assert "system:masters" in cluster.kubectl("auth", "whoami")
    answer = cluster.run("kubectl", "auth", "can-i", "get", "pods", "--as=nobody", check=False)
    assert (answer.stdout, answer.returncode) == ("no\n", 1)
    assert 'User "jane" cannot list resource "pods"' in cluster.refused("get", "pods", "--as=jane")


def test_a_service_account_may_do_what_its_role_allows(cluster, namespace):
    cluster.kubectl("wait", "--for=create", "sa/default", "-n", namespace, "--timeout=60s")
    token = cluster.kubectl("create", "token", "default", "-n", namespace).strip()
    trust = cluster.state / "pki" / "ca.crt"
    as_pod = (
        "--kubeconfig=/dev/null",
        f"--server={cluster.server}",
        f"--certificate-authority={trust}",
        f"--token={token}",
    )
    assert 'cannot list resource "pods"' in cluster.refused(*as_pod, "get", "pods", "-n", namespace)
    inside = ("-n", namespace)
    cluster.kubectl("create", "role", "reader", "--verb=get,list,watch", "--resource=pods", *inside)
    cluster.kubectl(
        "create", "rolebinding", "reader", "--role=reader", f"--serviceaccount={namespace}:default", *inside
    )
    cluster.kubectl(*as_pod, "get", "pods", "-n", namespace)
    assert "cannot list resource" in cluster.refused(*as_pod, "get", "pods", "-n", "kube-system")
    who = f"system:serviceaccount:{namespace}:default"
    assert cluster.refused(*as_pod, "delete", "pod", "x", "-n", namespace) == (
        f'Error from server (Forbidden): pods "x" is forbidden: User "{who}" cannot delete resource "pods" '
        f'in API group "" in the namespace "{namespace}"\n'
    )
    assert "cannot list resource" in cluster.refused(*as_pod, "get", "secrets", "-n", namespace)
    assert cluster.kubectl(*as_pod, "auth", "can-i", "list", "pods", "-n", namespace) == "yes\n"
    assert "[get list watch]" in cluster.kubectl(*as_pod, "auth", "can-i", "--list", "-n", namespace)
    answer = cluster.run("kubectl", *as_pod, "auth", "can-i", "delete", "pods", "-n", namespace, check=False)
    assert answer.stdout == "no\n"


def test_strangers_are_refused(cluster):
    trust = cluster.state / "pki" / "ca.crt"
    stranger = ("--kubeconfig=/dev/null", f"--server={cluster.server}", f"--certificate-authority={trust}")
    said = cluster.refused(*stranger, "--token=wrong", "get", "pods")
    assert "Unauthorized" in said or "You must be logged in to the server" in said


def test_a_certificate_counts_before_a_token(cluster):
    cluster.kubectl("--token=wrong", "get", "pods")


def test_missing_things_are_named_as_a_real_server_names_them(cluster, namespace):
    refused = cluster.refused
    assert refused("get", "pod", "nosuch") == 'Error from server (NotFound): pods "nosuch" not found\n'
    assert refused("get", "deploy", "x", "-n", namespace) == (
        'Error from server (NotFound): deployments.apps "x" not found\n'
    )
    assert 'doesn\'t have a resource type "widgets"' in refused("get", "widgets")
    assert refused("get", "pods", "-l", "a b").startswith("Error from server (BadRequest): ")
    assert (
        refused("get", "cm", "x", "-n", "nosuch")
        == 'Error from server (NotFound): namespaces "nosuch" not found\n'
    )
    assert (
        cluster.run("kubectl", "get", "pods", "-n", "nosuch").stderr
        == "No resources found in nosuch namespace.\n"
    )
    assert refused("create", "cm", "a", "-n", "nosuch") == (
        'error: failed to create configmap: namespaces "nosuch" not found\n'
    )


def test_unknown_kinds_point_to_their_definitions(cluster):
    widget = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w"}}
    said = cluster.refused("apply", "-f", "-", stdin=yaml.safe_dump(widget))
    assert 'no matches for kind "Widget" in version "example.com/v1"' in said
    assert "ensure CRDs are installed first" in said


def test_unknown_fields_are_refused(cluster, namespace):
    labels = {"app": "d"}
    spec = {
        "replcas": 1,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "x"}]}},
    }
    wrong = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": spec}
    said = cluster.refused("apply", "-n", namespace, "-f", "-", stdin=json.dumps(wrong))
    assert 'strict decoding error: unknown field "spec.replcas"' in said
    cluster.kubectl("apply", "-n", namespace, "--validate=ignore", "-f", "-", stdin=json.dumps(wrong))


def test_what_is_not_there_says_so(cluster):
    assert cluster.refused("top", "pods") == "error: Metrics API not available\n"
