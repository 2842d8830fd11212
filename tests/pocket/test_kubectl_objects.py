"""What people do to objects with kubectl: create, look, change, wait, delete."""

from __future__ import annotations

import json

import pytest

pytestmark = pytest.mark.pocket


def config(name: str, **data: str):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def deployment(name: str, replicas: int = 0):
    labels = {"app": name}
    pod = {"containers": [{"name": "main", "image": "example.com/none:1"}]}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def test_apply_says_what_it_did(cluster, namespace):
    assert cluster.apply(config("a", x="1"), namespace=namespace) == "configmap/a created\n"
    assert cluster.apply(config("a", x="1"), namespace=namespace) == "configmap/a unchanged\n"
    assert cluster.apply(config("a", x="2"), namespace=namespace) == "configmap/a configured\n"
    assert cluster.kubectl("get", "cm", "a", "-n", namespace, "-o", "jsonpath={.data.x}") == "2"


def test_apply_of_several_kinds_at_once(cluster, namespace):
    said = cluster.apply(config("a"), deployment("web"), namespace=namespace)
    assert said == "configmap/a created\ndeployment.apps/web created\n"


def test_output_forms(cluster, namespace):
    cluster.apply(config("a", x="1"), namespace=namespace)
    get = ("get", "configmap", "a", "-n", namespace)
    assert cluster.kubectl(*get).splitlines()[0].split() == ["NAME", "DATA", "AGE"]
    assert cluster.kubectl(*get, "--no-headers").split()[:2] == ["a", "1"]
    assert cluster.kubectl(*get, "-o", "name") == "configmap/a\n"
    assert cluster.json(*get)["data"] == {"x": "1"}
    assert '  x: "1"\n' in cluster.kubectl(*get, "-o", "yaml")
    assert cluster.kubectl(*get, "-o", "custom-columns=N:.metadata.name,X:.data.x").split() == [
        "N",
        "X",
        "a",
        "1",
    ]
    assert cluster.kubectl(*get, "--show-labels").splitlines()[0].split()[-1] == "LABELS"
    listed = cluster.kubectl("get", "cm", "-n", namespace, "-o", "jsonpath={.items[*].metadata.name}")
    assert "a" in listed.split()


def test_sorting_chunks_and_selectors(cluster, namespace):
    cluster.apply(*(config(name) for name in ("c", "a", "b")), namespace=namespace)
    cluster.kubectl("label", "cm", "b", "tier=web", "-n", namespace)
    get = ("get", "cm", "-n", namespace, "-o", "name")
    names = cluster.kubectl(*get, "--chunk-size=1").split()
    assert [name for name in names if "kube-root" not in name] == [f"configmap/{name}" for name in "abc"]
    assert cluster.kubectl(*get, "-l", "tier=web") == "configmap/b\n"
    assert cluster.kubectl(*get, "-l", "tier in (web,db)") == "configmap/b\n"
    assert cluster.kubectl(*get, "--field-selector", "metadata.name=c") == "configmap/c\n"
    newest_last = cluster.kubectl("get", "cm", "-n", namespace, "--sort-by=.metadata.name", "--no-headers")
    assert [line.split()[0] for line in newest_last.splitlines()][:3] == ["a", "b", "c"]


def test_create_forms_are_stored_as_kubectl_means_them(cluster, namespace):
    forms = [
        "configmap m --from-literal=a=1",
        "secret generic s --from-literal=password=x",
        "deployment d --image=example.com/none:1 --replicas=0 --port=80",
        "service clusterip c --tcp=80:8080",
        "serviceaccount a",
        "role r --verb=get,list --resource=pods",
        "rolebinding b --role=r --serviceaccount=default:a",
        "job j --image=example.com/none:1",
        "quota q --hard=pods=5",
    ]
    for form in forms:
        made = json.loads(cluster.kubectl("create", *form.split(), "-n", namespace, "-o", "json"))
        meant = json.loads(
            cluster.kubectl("create", *form.split(), "-n", namespace, "-o", "json", "--dry-run=client")
        )
        assert contains(made, meant), form


def contains(whole, part) -> bool:
    """Whether every fact of `part` is in `whole`, which may have more (defaults, an address, a uid)."""
    if isinstance(part, dict):
        return all(value in (None, {}, []) or contains(whole.get(key), value) for key, value in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(contains(*pair) for pair in zip(whole, part, strict=True))
    return whole == part


def test_three_kinds_of_patch(cluster, namespace):
    cluster.apply(deployment("web"), namespace=namespace)
    patch = ("patch", "deploy", "web", "-n", namespace)
    strategic = {
        "spec": {"template": {"spec": {"containers": [{"name": "side", "image": "example.com/side:1"}]}}}
    }
    cluster.kubectl(*patch, "-p", json.dumps(strategic))
    cluster.kubectl(*patch, "--type=merge", "-p", '{"metadata":{"annotations":{"note":"x"}}}')
    cluster.kubectl(*patch, "--type=json", "-p", '[{"op":"add","path":"/spec/minReadySeconds","value":3}]')
    found = cluster.json("get", "deploy", "web", "-n", namespace)
    assert {c["name"] for c in found["spec"]["template"]["spec"]["containers"]} == {"main", "side"}
    assert (found["metadata"]["annotations"]["note"], found["spec"]["minReadySeconds"]) == ("x", 3)
    said = cluster.kubectl(*patch, "--type=merge", "-p", '{"metadata":{"annotations":{"note":"x"}}}')
    assert said == "deployment.apps/web patched (no change)\n"


def test_label_annotate_and_scale(cluster, namespace):
    cluster.apply(deployment("web"), namespace=namespace)
    assert (
        cluster.kubectl("label", "deploy", "web", "a=b", "-n", namespace) == "deployment.apps/web labeled\n"
    )
    assert (
        cluster.kubectl("annotate", "deploy/web", "c=d", "-n", namespace) == "deployment.apps/web annotated\n"
    )
    assert "already has a value" in cluster.refused("label", "deploy", "web", "a=x", "-n", namespace)
    said = cluster.kubectl("scale", "deploy/web", "--replicas=0", "-n", namespace)
    assert said == "deployment.apps/web scaled\n"
    assert cluster.json("get", "deploy", "web", "-n", namespace)["spec"]["replicas"] == 0


def test_replace_and_edit(cluster, namespace):
    cluster.apply(config("a", x="1"), namespace=namespace)
    current = cluster.kubectl("get", "cm", "a", "-n", namespace, "-o", "yaml")
    changed = current.replace('x: "1"', 'x: "2"')
    said = cluster.kubectl("replace", "-f", "-", stdin=changed)
    assert said == "configmap/a replaced\n"
    conflict = cluster.refused("replace", "-f", "-", stdin=changed)
    assert "the object has been modified; please apply your changes to the latest version" in conflict


def test_dry_runs_store_nothing(cluster, namespace):
    for kind in ("client", "server"):
        said = cluster.kubectl("create", "cm", "a", "-n", namespace, f"--dry-run={kind}")
        assert said == (
            "configmap/a created (dry run)\n"
            if kind == "client"
            else "configmap/a created (server dry run)\n"
        )
    assert "NotFound" in cluster.refused("get", "cm", "a", "-n", namespace)


def test_diff(cluster, namespace):
    cluster.apply(config("a", x="1"), namespace=namespace)
    done = cluster.run(
        "kubectl", "diff", "-n", namespace, "-f", "-", stdin=json.dumps(config("a", x="2")), check=False
    )
    assert done.returncode == 1, done.stderr
    assert '-  x: "1"' in done.stdout
    assert '+  x: "2"' in done.stdout


def test_delete_and_wait(cluster, namespace):
    cluster.apply(config("a"), config("b"), namespace=namespace)
    said = cluster.kubectl("delete", "cm", "a", "b", "-n", namespace)
    assert (
        said
        == f'configmap "a" deleted from {namespace} namespace\nconfigmap "b" deleted from {namespace} namespace\n'
    )
    assert "NotFound" in cluster.refused("delete", "cm", "a", "-n", namespace)
    assert cluster.kubectl("delete", "cm", "a", "-n", namespace, "--ignore-not-found") == ""
    cluster.apply(config("c"), namespace=namespace)
    cluster.kubectl("delete", "cm", "c", "-n", namespace, "--wait=false")
    cluster.kubectl("wait", "--for=delete", "cm/c", "-n", namespace, "--timeout=60s")


def test_wait_for_a_value(cluster, namespace):
    cluster.apply(config("a", x="1"), namespace=namespace)
    said = cluster.kubectl("wait", "cm/a", "--for=jsonpath={.data.x}=1", "-n", namespace, "--timeout=60s")
    assert said == "configmap/a condition met\n"
    late = cluster.refused("wait", "cm/a", "--for=jsonpath={.data.x}=2", "-n", namespace, "--timeout=1s")
    assert "timed out waiting for the condition on configmaps/a" in late


def test_a_deleted_namespace_takes_its_objects_along(cluster):
    cluster.kubectl("create", "ns", "doomed")
    cluster.apply(config("a"), namespace="doomed")
    cluster.kubectl("delete", "ns", "doomed", "--timeout=60s")
    assert "NotFound" in cluster.refused("get", "cm", "a", "-n", "doomed")


def test_secrets_are_not_printed_by_describe(cluster, namespace):
    cluster.kubectl("create", "secret", "generic", "s", "--from-literal=password=hunter2", "-n", namespace)
    assert "hunter2" not in (said := cluster.kubectl("describe", "secret", "s", "-n", namespace))
    assert "password:  7 bytes" in said


def test_describe_shows_events(cluster, namespace):
    cluster.apply(deployment("web"), namespace=namespace)
    cluster.kubectl("scale", "deploy/web", "--replicas=1", "-n", namespace)
    cluster.kubectl("wait", "--for=create", "pod", "-l", "app=web", "-n", namespace, "--timeout=60s")
    said = cluster.kubectl("describe", "deploy", "web", "-n", namespace)
    assert "ScalingReplicaSet" in said
    assert "ScalingReplicaSet" in cluster.kubectl("events", "-n", namespace)
    assert "ScalingReplicaSet" in cluster.kubectl("get", "events", "-n", namespace)


def test_every_kind_can_be_listed(cluster):
    """``get all`` and ``api-resources`` agree: what is announced answers."""
    kinds = cluster.kubectl("api-resources", "--verbs=list", "-o", "name").split()
    assert {"pods", "deployments.apps", "horizontalpodautoscalers.autoscaling"} <= set(kinds)
    cluster.kubectl("get", ",".join(kinds), "-A")
    cluster.kubectl("get", "all", "-A")
