"""An API group served by a pod: registered, asked through kubectl, and missed when the pod is gone."""

from __future__ import annotations

import base64
import json

import pytest

from raglab.pocket import pki
from tests.pocket.conftest import HERE

pytestmark = pytest.mark.pocket
NAME = "v1.counts.example.com"
BASE = "/apis/counts.example.com/v1"


@pytest.fixture
def extension(cluster, namespace, tmp_path):
    """The server as a Deployment behind a Service, and an APIService that trusts its authority; the namespace."""
    keys = pki.ensure(tmp_path / "keys", ["extension", f"extension.{namespace}.svc"], "nobody")
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "tls"},
        "stringData": {
            "TLS_CERT": (keys.folder / "server.crt").read_text(),
            "TLS_KEY": (keys.folder / "server.key").read_text(),
        },
    }
    address = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
    container = {
        "name": "main",
        "image": "example.com/python:1",
        "args": ["-c", (HERE / "extension.py").read_text()],
        "env": [address],
        "envFrom": [{"secretRef": {"name": "tls"}}],
        "ports": [{"containerPort": 6443, "name": "https"}],
        "readinessProbe": {"tcpSocket": {"port": "https"}, "periodSeconds": 1},
    }
    labels = {"app": "extension"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "extension"},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    ports = [{"name": "https", "port": 443, "targetPort": "https"}]
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "extension"},
        "spec": {"selector": labels, "ports": ports},
    }
    cluster.apply(secret, deployment, service, namespace=namespace)
    cluster.apply(api_service(namespace, keys))
    yield namespace
    cluster.kubectl("delete", "apiservice", NAME, "--ignore-not-found")


def api_service(namespace, keys):
    spec = {
        "group": "counts.example.com",
        "version": "v1",
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
        "service": {"name": "extension", "namespace": namespace},
        "caBundle": base64.b64encode(keys.authority.read_bytes()).decode(),
    }
    head = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": NAME}}
    return head | {"spec": spec}


def wait(cluster, condition):
    cluster.kubectl("wait", f"--for=condition={condition}", f"apiservice/{NAME}", "--timeout=60s")


def test_a_group_served_by_a_pod(cluster, extension):
    wait(cluster, "Available")
    row = cluster.kubectl("get", "apiservice", NAME, "--no-headers").split()
    assert row[:3] == [NAME, f"{extension}/extension", "True"]
    path = f"{BASE}/namespaces/{extension}/pods/*/requests"
    answer = json.loads(cluster.kubectl("get", "--raw", f"{path}?labelSelector=app%3Dx"))
    assert answer["items"] == [{"pod": "*", "namespace": extension}]
    assert answer["user"] == {
        "name": "minikube-user",
        "groups": ["system:masters", "system:authenticated"],
    }
    assert answer["selector"] == "app=x"
    listed = cluster.kubectl("api-resources", "--api-group=counts.example.com", "--no-headers").split()
    assert listed == ["counts", "counts.example.com/v1", "true", "Count"]
    assert "first" in cluster.kubectl("get", "counts", "-n", extension)


def test_a_group_whose_pod_is_gone_holds_namespaces_back(cluster, extension):
    wait(cluster, "Available")
    cluster.kubectl("create", "namespace", "held-back")
    cluster.kubectl("scale", "deployment", "extension", "-n", extension, "--replicas=0")
    wait(cluster, "Available=False")
    message = cluster.json("get", "apiservice", NAME)["status"]["conditions"][0]["message"]
    why = f'endpointslices for service/extension in "{extension}" have no addresses with port name "https"'
    assert message == why
    told = cluster.refused("get", "--raw", BASE)
    assert told == (
        "Error from server (ServiceUnavailable): the server is currently unable to handle the request\n"
    )
    cluster.kubectl("delete", "namespace", "held-back", "--wait=false")
    failure = "condition=NamespaceDeletionDiscoveryFailure"
    cluster.kubectl("wait", f"--for={failure}", "namespace/held-back", "--timeout=60s")
    conditions = cluster.json("get", "namespace", "held-back")["status"]["conditions"]
    assert [(item["type"], item["status"], item["reason"]) for item in conditions] == [
        ("NamespaceDeletionDiscoveryFailure", "True", "DiscoveryFailed"),
        ("NamespaceDeletionGroupVersionParsingFailure", "False", "ParsedGroupVersions"),
        ("NamespaceDeletionContentFailure", "False", "ContentDeleted"),
        ("NamespaceContentRemaining", "False", "ContentRemoved"),
        ("NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers"),
    ]
    assert conditions[0]["message"] == (
        "Discovery failed for some groups, 1 failing: unable to retrieve the complete list of server APIs: "
        "counts.example.com/v1: stale GroupVersion discovery: counts.example.com/v1"
    )
    cluster.kubectl("delete", "apiservice", NAME)
    cluster.kubectl("wait", "--for=delete", "namespace/held-back", "--timeout=60s")
