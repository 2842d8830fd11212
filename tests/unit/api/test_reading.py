"""GET of raw paths through the in-process client: what a controller sees of discovery, objects and lists."""

import pytest

from raglab.pocket.api.local import LocalClient
from raglab.pocket.errors import StatusError


@pytest.fixture
def client(api):
    return LocalClient(api.registry)


async def test_discovery_documents(client):
    assert (await client.raw("/apis/apps"))["preferredVersion"] == {
        "groupVersion": "apps/v1",
        "version": "v1",
    }
    assert "pods" in [entry["name"] for entry in (await client.raw("/api/v1"))["resources"]]
    assert "apps" in [group["name"] for group in (await client.raw("/apis"))["groups"]]


async def test_objects_and_lists(client, pod):
    assert await client.raw("/api/v1/namespaces/default/pods/p") == pod
    found = await client.raw("/api/v1/namespaces/default/pods", {"labelSelector": "app=none"})
    assert (found["kind"], found["items"]) == ("PodList", [])
    assert (await client.raw("/api/v1/pods"))["items"] == [pod]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/apis/custom.metrics.k8s.io", 404),
        ("/apis/custom.metrics.k8s.io/v1beta1/namespaces/default/pods/*/requests", 404),
        ("/api/v1/namespaces/default/pods/absent", 404),
        ("/api/v1/namespaces/default/pods/p/log", 405),
    ],
)
async def test_refusals(client, pod, path, code):
    with pytest.raises(StatusError) as refused:
        await client.raw(path)
    assert refused.value.code == code
