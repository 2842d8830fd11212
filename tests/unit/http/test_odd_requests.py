"""Requests that once made the server fail, or could have kept it busy for ever: each is refused for what it is."""

from __future__ import annotations

import json
from typing import Any

import pytest

CORE = "/api/v1/namespaces/default"
MAPS = f"{CORE}/configmaps"
NO_IP = {"metadata": {"name": "e"}, "subsets": [{"addresses": [{}]}]}
NO_OWNER = {"metadata": {"name": "o", "ownerReferences": [{"kind": "Pod", "name": "p", "uid": "u"}]}}
NO_KIND = {"metadata": {"name": "b"}, "subjects": [{"name": "x"}]}
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
DEPLOYMENT = {
    "metadata": {"name": "d"},
    "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE},
}
LONG = "9" * 5000


async def send(
    api, method: str, path: str, code: int, body: Any = None, kind: str = "application/json"
) -> str:
    more = {"data": json.dumps(body), "headers": {"Content-Type": kind}} if body is not None else {}
    return (await api.call(method, path, code, **more))["message"]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (f"limit={LONG}", "value out of range"),
        (f"resourceVersion={LONG}", "value out of range"),
        ("continue=NQ%3D%3D", "continue key is not valid"),
        ("continue=W251bGwsMixbXV0%3D", "continue key is not valid"),
        ("fieldSelector=" + "%20" * 2500 + "!", "invalid selector"),
        ("labelSelector=" + "(" * 2500, "expected: !, identifier"),
    ],
)
async def test_queries(api, query, text):
    assert text in await send(api, "GET", f"{MAPS}?{query}", 400)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"preconditions": "x"}, "cannot unmarshal string into Go struct field DeleteOptions.preconditions"),
        ({"gracePeriodSeconds": "now"}, "of type int64"),
        ({"dryRun": "All"}, "of type []string"),
        ({"propagationPolicy": {}}, "cannot unmarshal object"),
    ],
)
async def test_options_of_deletions(api, body, text):
    assert text in await send(api, "DELETE", f"{MAPS}/a", 400, body)


@pytest.mark.parametrize(
    ("method", "path", "code", "body", "text"),
    [
        ("PUT", f"{DEPLOYMENTS}/d/scale", 400, {"spec": "x"}, "Go struct field Scale.spec of type v1.ScaleSpec"),
        ("POST", f"{CORE}/pods/p/binding", 422, {"target": {"kind": "Moon"}}, "target.name: Required"),
        ("POST", f"{CORE}/pods/p/eviction", 400, {"deleteOptions": 5}, "Eviction.deleteOptions"),
        ("POST", f"{CORE}/serviceaccounts/default/token", 400, {"spec": [1]}, "TokenRequest.spec"),
        ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", 400, {"spec": 5}, "AccessReview.spec"),
        ("POST", f"{CORE}/configmaps", 422, NO_OWNER, "ownerReferences[0].apiVersion"),
        ("POST", f"{CORE}/endpoints", 422, NO_IP, "subsets[0].addresses[0].ip"),
        ("POST", f"{RBAC}/rolebindings", 422, NO_KIND, "subjects[0].kind"),
    ],
)  # fmt: skip
async def test_bodies(api, method, path, code, body, text):
    api.pod(nodeName=None)
    await api.call("POST", DEPLOYMENTS, 201, json=DEPLOYMENT)
    assert text in await send(api, method, path, code, body)


@pytest.mark.parametrize(
    ("kind", "change", "code", "text"),
    [
        ("strategic-merge", {"spec": {"$retainKeys": None}}, 400, "invalid patch format of retainKeys"),
        (
            "strategic-merge",
            {"metadata": {"finalizers": ["x"], "$setElementOrder/finalizers": 5}},
            400,
            "setElementOrder",
        ),
        (
            "strategic-merge",
            {"spec": {"template": {"spec": {"containers": [{}]}}}},
            400,
            "declared merge key: name",
        ),
        (
            "json",
            [{"op": "copy", "from": "", "path": f"/x{n}"} for n in range(60)],
            413,
            "exceeding the limit 3145728",
        ),
        (
            "json",
            [{"op": "test", "path": "", "value": 1}] * 10_001,
            413,
            "maximum operations in a JSON patch is 10000",
        ),
    ],
)
async def test_patches(api, kind, change, code, text):
    await api.call("POST", DEPLOYMENTS, 201, json=DEPLOYMENT)
    kind = f"application/{kind}-patch+json"
    assert text in await send(api, "PATCH", f"{DEPLOYMENTS}/d", code, change, kind)


async def test_compressed_bodies_are_not_unpacked(api):
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    error = await api.call("POST", MAPS, 400, data=b'{"metadata": {"name": "a"}', headers=headers)
    assert "unrecognized" in error["message"]
