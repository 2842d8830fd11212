"""Discovery and OpenAPI documents."""

from __future__ import annotations

import gzip
import json

import pytest

V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
V2BETA1 = V2.replace("v=v2", "v=v2beta1")


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (f"{V2},application/json", V2),
        (f"{V2},{V2BETA1},application/json", V2),
        (f"{V2BETA1},application/json", V2BETA1),
    ],
)
@pytest.mark.parametrize("path", ["/api", "/apis"])
async def test_aggregated_documents_repeat_the_type_asked_for(api, accept, content_type, path):
    async with api.client.get(path, headers={"Accept": accept}) as response:
        assert response.headers["Content-Type"] == content_type
        assert "ETag" not in response.headers
        document = json.loads(await response.read())
    assert document["kind"] == "APIGroupDiscoveryList"
    groups = {item["metadata"].get("name", "") for item in document["items"]}
    assert groups == {""} if path == "/api" else "apps" in groups and "" not in groups


async def test_subresources_name_what_they_take(api):
    async with api.client.get("/apis", headers={"Accept": V2}) as response:
        document = json.loads(await response.read())
    apps = next(item for item in document["items"] if item["metadata"]["name"] == "apps")
    deployments = next(item for item in apps["versions"][0]["resources"] if item["resource"] == "deployments")
    assert deployments["shortNames"] == ["deploy"]
    scale = next(item for item in deployments["subresources"] if item["subresource"] == "scale")
    assert scale["responseKind"] == {"group": "autoscaling", "version": "v1", "kind": "Scale"}


async def test_older_documents(api):
    assert (await api.call("GET", "/api"))["versions"] == ["v1"]
    groups = await api.call("GET", "/apis", headers={"Accept": "*/*"})
    listed = {group["name"]: group["preferredVersion"]["version"] for group in groups["groups"]}
    assert (listed["apps"], listed["autoscaling"]) == ("v1", "v2")
    assert (await api.call("GET", "/apis/apps"))["name"] == "apps"
    core = await api.call("GET", "/api/v1")
    names = {resource["name"]: resource for resource in core["resources"]}
    assert names["pods"]["shortNames"] == ["po"]
    assert names["nodes"]["shortNames"] == ["no"], "and not YAML's word for false"
    assert names["pods/eviction"]["kind"] == "Eviction"
    assert (await api.call("GET", "/apis/authorization.k8s.io/v1"))["resources"][0]["verbs"] == ["create"]
    await api.call("DELETE", "/api/v1", 405)


async def test_every_document_of_the_index_can_be_read(api):
    index = await api.call("GET", "/openapi/v3")
    for name, entry in index["paths"].items():
        document = await api.call("GET", entry["serverRelativeURL"])
        assert document["openapi"] == "3.0.0", name
        dangling = missing_references(document)
        assert not dangling, f"{name}: {dangling}"


def missing_references(document) -> set[str]:
    text = json.dumps(document)
    names = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    return names - document["components"]["schemas"].keys()


async def test_what_kubectl_apply_looks_for(api):
    document = await api.call("GET", "/openapi/v3/apis/apps/v1")
    patch = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert patch["x-kubernetes-group-version-kind"] == {
        "group": "apps",
        "version": "v1",
        "kind": "Deployment",
    }
    assert "fieldValidation" in {parameter["name"] for parameter in patch["parameters"]}
    assert "application/strategic-merge-patch+json" in patch["requestBody"]["content"]
    spec = document["components"]["schemas"]["io.k8s.api.apps.v1.DeploymentSpec"]
    assert "desired pods" in spec["properties"]["replicas"]["description"]


async def test_documents_travel_compressed(api):
    headers = {"Accept-Encoding": "gzip"}
    async with api.client.get("/openapi/v3/api/v1", headers=headers, auto_decompress=False) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert json.loads(gzip.decompress(await response.read()))["openapi"] == "3.0.0"


async def test_version_2_is_empty(api):
    assert (await api.call("GET", "/openapi/v2"))["swagger"] == "2.0"
    accept = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    async with api.client.get("/openapi/v2", headers={"Accept": accept}) as response:
        assert await response.read() == b""


async def test_the_version_tells_what_answers(api):
    version = await api.call("GET", "/version")
    assert (version["major"], version["minor"]) == ("1", "36")
    assert version["gitVersion"] == "v1.36.2+raglab.pocket"
