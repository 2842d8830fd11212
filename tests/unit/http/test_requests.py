"""Requests over HTTP against the whole server: verbs, parameters and the errors a real server gives."""

from __future__ import annotations

import json

import pytest

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
MAPS = "/api/v1/namespaces/default/configmaps"


def config(name: str, **more):
    return {"metadata": {"name": name}} | more


async def test_create_read_replace_patch_and_delete(api):
    made = await api.call("POST", MAPS, 201, json=config("a", data={"x": "1"}))
    assert (made["kind"], made["apiVersion"], made["metadata"]["namespace"]) == ("ConfigMap", "v1", "default")
    made["data"]["x"] = "2"
    await api.call("PUT", f"{MAPS}/a", json=made)
    merge = {"Content-Type": "application/merge-patch+json"}
    patched = await api.call("PATCH", f"{MAPS}/a", data=json.dumps({"data": {"y": "3"}}), headers=merge)
    assert patched["data"] == {"x": "2", "y": "3"}
    gone = await api.call("DELETE", f"{MAPS}/a")
    assert gone["status"] == "Success"
    assert gone["details"] == {"name": "a", "kind": "configmaps", "uid": made["metadata"]["uid"]}
    missing = await api.call("GET", f"{MAPS}/a", 404)
    assert missing["details"] == {"name": "a", "kind": "configmaps"}


async def test_deleting_a_pod_shows_it(api):
    api.pod()
    assert (await api.call("DELETE", "/api/v1/namespaces/default/pods/p?gracePeriodSeconds=0"))[
        "kind"
    ] == "Pod"


async def test_lists_are_paged(api):
    for name in "abc":
        await api.call("POST", MAPS, 201, json=config(name))
    page = await api.call("GET", f"{MAPS}?limit=2")
    assert page["kind"] == "ConfigMapList"
    assert [item["metadata"]["name"] for item in page["items"]] == ["a", "b"]
    assert page["metadata"]["remainingItemCount"] == 1
    rest = await api.call("GET", f"{MAPS}?limit=2&continue={page['metadata']['continue']}")
    assert [item["metadata"]["name"] for item in rest["items"]] == ["c"]
    assert "continue" not in rest["metadata"]


async def test_a_list_is_always_the_newest(api):
    """Encoded objects are kept, so a change must not show the old bytes."""
    await api.call("POST", MAPS, 201, json=config("a", data={"x": "old"}))
    await api.call("GET", MAPS)
    merge = {"Content-Type": "application/merge-patch+json"}
    await api.call("PATCH", f"{MAPS}/a?dryRun=All", data='{"data":{"x":"dry"}}', headers=merge)
    assert (await api.call("GET", MAPS))["items"][0]["data"] == {"x": "old"}
    await api.call("PATCH", f"{MAPS}/a", data='{"data":{"x":"new"}}', headers=merge)
    assert (await api.call("GET", MAPS))["items"][0]["data"] == {"x": "new"}


async def test_tables_and_metadata_are_other_views(api):
    await api.call("POST", MAPS, 201, json=config("a", data={"x": "1"}))
    table = await api.call("GET", MAPS, headers={"Accept": TABLE})
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    assert table["columnDefinitions"][0]["name"] == "Name"
    assert table["rows"][0]["cells"][0] == "a"
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    full = await api.call("GET", f"{MAPS}?includeObject=Object", headers={"Accept": TABLE})
    assert full["rows"][0]["object"]["data"] == {"x": "1"}
    bare = await api.call("GET", f"{MAPS}?includeObject=None", headers={"Accept": TABLE})
    assert "object" not in bare["rows"][0]
    metadata = {"Accept": "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"}
    partial = await api.call("GET", MAPS, headers=metadata)
    assert partial["kind"] == "PartialObjectMetadataList"
    assert "data" not in partial["items"][0]


async def test_errors_are_status_objects_even_for_tables(api):
    error = await api.call("GET", f"{MAPS}/none", 404, headers={"Accept": TABLE})
    assert error["kind"] == "Status"


@pytest.mark.parametrize(
    ("method", "path", "code", "reason", "text"),
    [
        (
            "GET",
            "/api/v1/namespaces/default/widgets",
            404,
            "NotFound",
            "the server could not find the requested resource",
        ),
        ("GET", "/api/v1/pods/p", 404, "NotFound", "the server could not find the requested resource"),
        (
            "GET",
            "/api/v1/namespaces/default/nodes",
            404,
            "NotFound",
            "the server could not find the requested resource",
        ),
        (
            "PUT",
            MAPS,
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        ),
        ("POST", "/api/v1/configmaps", 405, "MethodNotAllowed", "does not allow this method"),
        ("DELETE", "/api/v1/namespaces", 405, "MethodNotAllowed", "does not allow this method"),
        ("GET", f"{MAPS}?labelSelector=a%20b", 400, "BadRequest", "unable to parse requirement"),
        ("GET", f"{MAPS}?limit=many", 400, "BadRequest", "invalid syntax"),
        (
            "GET",
            f"{MAPS}?resourceVersionMatch=Exact",
            422,
            "Invalid",
            "forbidden unless resourceVersion is provided",
        ),
        (
            "GET",
            f"{MAPS}?sendInitialEvents=true&watch=1",
            422,
            "Invalid",
            "requires setting resourceVersionMatch",
        ),
        ("GET", f"{MAPS}?resourceVersion=99999999", 504, "Timeout", "Too large resource version"),
        ("POST", f"{MAPS}?dryRun=Some", 422, "Invalid", "Unsupported value"),
        ("POST", f"{MAPS}?fieldValidation=Maybe", 422, "Invalid", "Unsupported value"),
        ("DELETE", f"{MAPS}/a?propagationPolicy=Sideways", 422, "Invalid", "Unsupported value"),
    ],
)
async def test_refusals(api, method, path, code, reason, text):
    body = {"json": config("a")} if method in ("POST", "PUT") else {}
    error = await api.call(method, path, code, **body)
    assert (error["reason"], error["code"]) == (reason, code)
    assert text in error["message"]


async def test_unknown_groups_and_paths_are_plain_text(api):
    for path in (
        "/apis/example.com/v1/things",
        "/apis/apps/v9/deployments",
        "/nowhere",
        "/api/v2",
        "/apis/none",
    ):
        async with api.client.get(path) as response:
            assert (response.status, await response.text()) == (404, "404 page not found\n"), path


async def test_trailing_slashes_mean_nothing(api):
    assert (await api.call("GET", f"{MAPS}/"))["kind"] == "ConfigMapList"
    assert (await api.call("GET", "/version/"))["major"] == "1"


async def test_unreadable_bodies(api):
    error = await api.call("POST", MAPS, 400, data="{bad", headers={"Content-Type": "application/json"})
    assert error["message"].startswith("the object provided is unrecognized (must be of type ConfigMap)")
    await api.call("POST", MAPS, 400, data="[1]", headers={"Content-Type": "application/json"})
    await api.call("POST", MAPS, 400, data="", headers={"Content-Type": "application/json"})
    aliases = {"Content-Type": "application/yaml"}
    await api.call("POST", MAPS, 400, data="metadata: &x {name: a}\ndata: *x", headers=aliases)
    cbor = await api.call(
        "POST", MAPS, 415, data=b"\xd9\xd9\xf7", headers={"Content-Type": "application/cbor"}
    )
    assert "unknown format - accepted media types include: application/json" in cbor["message"]


async def test_yaml_bodies_are_understood(api):
    text = "metadata: {name: y}\ndata: {when: '2026'}"
    made = await api.call("POST", MAPS, 201, data=text, headers={"Content-Type": "application/yaml"})
    assert made["data"] == {"when": "2026"}


async def test_bodies_of_another_kind_are_refused(api):
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}
    assert "cannot be handled as a ConfigMap" in (await api.call("POST", MAPS, 400, json=body))["message"]
    body = {"apiVersion": "v2", "kind": "ConfigMap", "metadata": {"name": "a"}}
    assert (
        "does not match the expected API version" in (await api.call("POST", MAPS, 400, json=body))["message"]
    )


async def test_bodies_have_a_limit(api):
    error = await api.call(
        "POST", MAPS, 413, data=b"x" * (4 << 20), headers={"Content-Type": "application/json"}
    )
    assert (error["reason"], error["message"]) == (
        "RequestEntityTooLarge",
        "Request entity too large: limit is 3145728",
    )


async def test_unknown_fields_warn_or_refuse(api):
    typo = config("a") | {"dta": {}}
    async with api.client.post(MAPS, json=typo) as response:
        assert response.status == 201
        assert response.headers.getall("Warning") == ['299 - "unknown field \\"dta\\""']
    error = await api.call("POST", f"{MAPS}?fieldValidation=Strict", 400, json=typo)
    assert 'strict decoding error: unknown field "dta"' in error["message"]


async def test_patch_types(api):
    await api.call("POST", MAPS, 201, json=config("a"))
    await api.call("PATCH", f"{MAPS}/a", 415, data="{}", headers={"Content-Type": "application/json"})
    broken = {"data": "a: b: c", "headers": {"Content-Type": "application/apply-patch+yaml"}}
    error = await api.call("PATCH", f"{MAPS}/a?fieldManager=me", 400, **broken)
    assert "mapping values are not allowed" in error["message"]


async def test_unacceptable_answers(api):
    for accept in ("text/html", "application/vnd.kubernetes.protobuf"):
        assert (await api.call("GET", MAPS, 406, headers={"Accept": accept}))["reason"] == "NotAcceptable"
    both = {"Accept": "application/vnd.kubernetes.protobuf,application/json"}
    assert (await api.call("GET", MAPS, headers=both))["kind"] == "ConfigMapList"


async def test_failures_of_the_server_hide_their_cause(api, monkeypatch, caplog):
    def fail(*args, **kwargs):
        raise RuntimeError("the secret is 42")

    monkeypatch.setattr(api.registry, "get", fail)
    error = await api.call("GET", f"{MAPS}/a", 500)
    assert error["reason"] == "InternalError"
    assert "42" not in json.dumps(error)
    assert "42" in caplog.text, "the log has it"
