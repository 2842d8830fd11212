"""The official Python client, as the notebooks use it."""

from __future__ import annotations

import threading

import pytest
from kubernetes import client, config, dynamic, watch
from kubernetes.client.exceptions import ApiException

pytestmark = pytest.mark.pocket


@pytest.fixture(scope="session")
def api_client(cluster):
    made = config.new_client_from_config(str(cluster.kubeconfig))
    yield made
    made.close()


@pytest.fixture
def core(api_client) -> client.CoreV1Api:
    return client.CoreV1Api(api_client)


def body(name: str, **data: str) -> client.V1ConfigMap:
    return client.V1ConfigMap(metadata=client.V1ObjectMeta(name=name), data=data)


def test_create_read_patch_replace_delete(core, namespace):
    made = core.create_namespaced_config_map(namespace, body("a", x="1"))
    assert made.metadata.uid
    core.patch_namespaced_config_map("a", namespace, {"data": {"x": "2"}})
    core.patch_namespaced_config_map("a", namespace, [{"op": "add", "path": "/data/y", "value": "3"}])
    found = core.read_namespaced_config_map("a", namespace)
    assert found.data == {"x": "2", "y": "3"}
    found.data["z"] = "4"
    assert core.replace_namespaced_config_map("a", namespace, found).data["z"] == "4"
    assert core.delete_namespaced_config_map("a", namespace)["status"] == "Success"
    with pytest.raises(ApiException) as caught:
        core.read_namespaced_config_map("a", namespace)
    assert (caught.value.status, caught.value.reason) == (404, "Not Found")


def test_lists_and_selectors(core, namespace):
    for name in ("a", "b"):
        labelled = body(name)
        labelled.metadata.labels = {"name": name}
        core.create_namespaced_config_map(namespace, labelled)
    listed = core.list_namespaced_config_map(namespace, label_selector="name in (a,b)", limit=1)
    assert [item.metadata.name for item in listed.items] == ["a"]
    more = core.list_namespaced_config_map(
        namespace, label_selector="name in (a,b)", _continue=listed.metadata._continue
    )
    assert [item.metadata.name for item in more.items] == ["b"]


def test_nodes_carry_gpus_as_text(core):
    """The client's models refuse numbers where the API has quantities."""
    (node,) = core.list_node().items
    assert all(isinstance(amount, str) for amount in node.status.capacity.values())


def test_watch_sees_every_change_in_order(core, namespace):
    core.create_namespaced_config_map(namespace, body("a"))
    version = core.list_namespaced_config_map(namespace).metadata.resource_version

    def change() -> None:
        core.patch_namespaced_config_map("a", namespace, {"data": {"x": "1"}})
        core.delete_namespaced_config_map("a", namespace)

    writer = threading.Timer(0, change)
    writer.start()
    stream = watch.Watch().stream(
        core.list_namespaced_config_map,
        namespace,
        field_selector="metadata.name=a",
        resource_version=version,
        timeout_seconds=10,
    )
    seen = []
    for event in stream:
        seen.append(event["type"])
        if event["type"] == "DELETED":
            break
    writer.join()
    assert seen == ["MODIFIED", "DELETED"]


def test_scale(api_client, namespace):
    apps = client.AppsV1Api(api_client)
    labels = {"app": "d"}
    pod = client.V1PodSpec(containers=[client.V1Container(name="c", image="example.com/none:1")])
    template = client.V1PodTemplateSpec(metadata=client.V1ObjectMeta(labels=labels), spec=pod)
    spec = client.V1DeploymentSpec(
        replicas=2, selector=client.V1LabelSelector(match_labels=labels), template=template
    )
    apps.create_namespaced_deployment(
        namespace, client.V1Deployment(metadata=client.V1ObjectMeta(name="d"), spec=spec)
    )
    assert apps.read_namespaced_deployment_scale("d", namespace).spec.replicas == 2
    scaled = apps.patch_namespaced_deployment_scale("d", namespace, {"spec": {"replicas": 1}})
    assert scaled.spec.replicas == 1


def test_the_dynamic_client_finds_every_kind(api_client, namespace):
    found = dynamic.DynamicClient(api_client).resources.get(api_version="apps/v1", kind="Deployment")
    assert found.get(namespace=namespace).items == []


def test_access_reviews(api_client):
    what = client.V1ResourceAttributes(verb="list", resource="pods")
    review = client.V1SelfSubjectAccessReview(
        spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=what)
    )
    answer = client.AuthorizationV1Api(api_client).create_self_subject_access_review(review)
    assert answer.status.allowed
