"""Environment variables: expansion, Service links, and the downward API."""

import pytest

from raglab.pocket.node.environment import expand, service_links
from raglab.pocket.node.sources import MissingSource, PodFacts

POD = {
    "metadata": {
        "name": "web-0",
        "namespace": "shop",
        "uid": "u1",
        "labels": {"app": "web", "tier": "front"},
        "annotations": {"note": 'say "hi"'},
    },
    "spec": {
        "nodeName": "minikube",
        "serviceAccountName": "default",
        "containers": [
            {"name": "web", "resources": {"limits": {"cpu": "1500m"}, "requests": {"memory": "64Mi"}}}
        ],
    },
}
FACTS = PodFacts(POD, "127.10.0.5", "127.0.0.1", {"memory": "4Gi", "cpu": "2"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$(HOST):$(PORT)", "db:5432"),
        ("$$(HOST)", "$(HOST)"),
        ("$(UNKNOWN)", "$(UNKNOWN)"),
        ("$HOST ${PORT} $", "$HOST ${PORT} $"),
    ],
)
def test_references_are_expanded_as_kubernetes_does(text: str, expected: str):
    assert expand(text, {"HOST": "db", "PORT": "5432"}) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("metadata.name", "web-0"),
        ("metadata.labels['app']", "web"),
        ("metadata.labels['none']", ""),
        ("metadata.labels", 'app="web"\ntier="front"'),
        ("metadata.annotations", 'note="say \\"hi\\""'),
        ("status.podIP", "127.10.0.5"),
        ("status.hostIP", "127.0.0.1"),
        ("spec.nodeName", "minikube"),
    ],
)
def test_fields_of_the_pod(path: str, expected: str):
    assert FACTS.field(path) == expected


def test_an_unknown_field_is_refused():
    with pytest.raises(MissingSource, match=r"unsupported fieldPath: spec\.volumes"):
        FACTS.field("spec.volumes")


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"resource": "limits.cpu"}, "2"),
        ({"resource": "limits.cpu", "divisor": "1m"}, "1500"),
        ({"resource": "requests.memory", "divisor": "1Mi"}, "64"),
        ({"resource": "limits.memory", "divisor": "1Gi"}, "4"),
        ({"resource": "requests.cpu"}, "0"),
    ],
)
def test_resources_are_divided_and_rounded_up(reference: dict, expected: str):
    assert FACTS.resource(reference, "web") == expected


def service(name: str, namespace: str, ip: str) -> dict:
    ports = [{"name": "http", "port": 80}, {"name": "grpc", "port": 90}]
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"clusterIP": ip, "ports": ports}}


def test_service_links_cover_the_own_namespace_and_the_api():
    services = [
        service("my-db", "shop", "127.96.0.7"),
        service("other", "elsewhere", "127.96.0.8"),
        service("headless", "shop", "None"),
        service("kubernetes", "default", "127.96.0.1"),
    ]
    found = service_links(services, "shop", links=True)
    assert found["MY_DB_SERVICE_HOST"] == "127.96.0.7"
    assert found["MY_DB_SERVICE_PORT"] == "80"
    assert found["MY_DB_SERVICE_PORT_GRPC"] == "90"
    assert found["MY_DB_PORT_90_TCP"] == "tcp://127.96.0.7:90"
    assert found["KUBERNETES_SERVICE_HOST"] == "127.96.0.1"
    assert not any(name.startswith(("OTHER", "HEADLESS")) for name in found)
    assert not any(name.startswith("MY_DB") for name in service_links(services, "shop", links=False))
