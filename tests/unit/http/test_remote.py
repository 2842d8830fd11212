"""The client over HTTPS against an API server that answers what a test says: pages, watches, breaks and refusals."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from raglab.pocket import kubeconfig, pki
from raglab.pocket.errors import StatusError
from raglab.pocket.kubeconfig import KubeconfigError
from raglab.pocket.remote import RemoteClient
from tests.unit.controllers.support import VirtualClock

PODS = "/api/v1/namespaces/default/pods"
Step = Callable[[web.Request], Any]


class Api:
    """Answers with one step after the other: an object, a number (a status code), or lines of a watch."""

    def __init__(self) -> None:
        self.steps: list[Any] = []
        self.asked: list[web.Request] = []
        self.bodies: list[Any] = []
        self.app = web.Application()
        self.app.router.add_route("*", "/{path:.*}", self._answer)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        self.bodies.append(await request.json() if request.can_read_body else None)
        step = self.steps.pop(0) if self.steps else 503
        if isinstance(step, dict):
            return web.json_response(step)
        if isinstance(step, int):
            return web.json_response(status(step, f"refused with {step}"), status=step)
        response = web.StreamResponse()
        await response.prepare(request)
        for line in step:
            if line is None:  # the connection breaks
                request.transport.abort()
                break
            await response.write(json.dumps(line).encode() + b"\n")
        return response


def status(code: int, message: str) -> dict[str, Any]:
    return {"kind": "Status", "status": "Failure", "code": code, "reason": "R", "message": message}


def pod(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "default", "resourceVersion": str(version)}}


def change(type: str, name: str, version: int, **more: Any) -> dict[str, Any]:
    return {"type": type, "object": pod(name, version) | more}


def page(*items: Any, version: int, more: str = "") -> dict[str, Any]:
    return {"items": list(items), "metadata": {"resourceVersion": str(version), "continue": more}}


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    keys = pki.ensure(tmp_path / "pki", ["127.0.0.1"], "admin")
    fake = Api()
    server = TestServer(fake.app, scheme="https", host="127.0.0.1")
    await server.start_server(ssl=keys.server_context())
    fake.url, fake.keys, fake.file = f"https://127.0.0.1:{server.port}", keys, tmp_path / "kubeconfig"
    kubeconfig.write(fake.file, server=fake.url, context="c", pki=keys)
    yield fake
    await server.close()


@pytest.fixture
def clock() -> VirtualClock:
    """Pauses end at once, and are counted."""
    clock = VirtualClock()

    async def sleep(seconds: float) -> None:
        clock.now += seconds

    clock.sleep = sleep
    return clock


@pytest.fixture
async def client(api: Api, clock: VirtualClock) -> AsyncIterator[RemoteClient]:
    async with RemoteClient(kubeconfig.read(api.file), clock) as client:
        yield client


async def take(client: RemoteClient, count: int) -> list[tuple[str, str, str]]:
    """The next events of a watch of pods."""
    found = []
    async for event in client.watch("pods", "default", labels="app=web"):
        meta = event.object["metadata"]
        found.append((event.type, meta.get("name", ""), meta["resourceVersion"]))
        if len(found) == count:
            break
    return found


async def test_the_kubeconfigs_certificate_is_shown(api: Api, client: RemoteClient):
    api.steps = [pod("a", 1)]
    await client.get("pods", "a", "default")
    subject = api.asked[0].transport.get_extra_info("peercert")["subject"]
    assert (("commonName", "admin"),) in subject
    assert api.asked[0].headers["User-Agent"].startswith("kubelet/"), "who owns the fields that are written"
    assert (api.asked[0].method, api.asked[0].path) == ("GET", f"{PODS}/a")


async def test_every_verb_has_the_protocols_form(api: Api, client: RemoteClient):
    api.steps = [{} for _ in range(5)]
    obj = {"metadata": {"name": "web", "namespace": "default"}}
    await client.create("deployments", obj)
    await client.update("deployments", obj, subresource="status")
    await client.patch("nodes", "n", "", {"spec": {}}, type="strategic")
    await client.delete("pods", "a", "default", grace=0, uid="u")
    await client.raw("/apis/x/v1", {"labelSelector": "a=b"})
    asked = [(item.method, item.path_qs, item.headers.get("Content-Type", "")) for item in api.asked]
    assert asked == [
        ("POST", "/apis/apps/v1/namespaces/default/deployments", "application/json"),
        ("PUT", "/apis/apps/v1/namespaces/default/deployments/web/status", "application/json"),
        ("PATCH", "/api/v1/nodes/n", "application/strategic-merge-patch+json"),
        ("DELETE", f"{PODS}/a", "application/json"),
        ("GET", "/apis/x/v1?labelSelector=a%3Db", ""),
    ]
    assert api.bodies[3] == {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "gracePeriodSeconds": 0,
        "preconditions": {"uid": "u"},
    }


async def test_lists_come_in_pages_and_items_know_their_kind(api: Api, client: RemoteClient):
    api.steps = [page(pod("a", 1), version=9, more="next"), page(pod("b", 2), version=9)]
    found = await client.list("pods", "default")
    assert [(item["kind"], item["metadata"]["name"]) for item in found] == [("Pod", "a"), ("Pod", "b")]
    assert [item.query.get("continue") for item in api.asked] == [None, "next"]


async def test_a_watch_goes_on_where_it_broke(api: Api, client: RemoteClient):
    api.steps = [
        page(pod("a", 1), version=5),
        [change("ADDED", "b", 6), change("BOOKMARK", "", 8), None],
        503,
        [change("MODIFIED", "b", 9, data="x" * 300_000)],
        [change("DELETED", "a", 10)],
    ]
    assert await take(client, 5) == [
        ("ADDED", "a", "1"),
        ("BOOKMARK", "", "5"),
        ("ADDED", "b", "6"),
        ("MODIFIED", "b", "9"),
        ("DELETED", "a", "10"),
    ]
    watches = api.asked[1:]
    assert [item.query["resourceVersion"] for item in watches] == ["5", "8", "8", "9"]
    assert all(item.query["labelSelector"] == "app=web" for item in api.asked)
    assert all(item.query["allowWatchBookmarks"] == "true" for item in watches)


async def test_a_version_that_is_too_old_is_told_so_that_the_caller_lists_again(
    api: Api, client: RemoteClient
):
    error = {"type": "ERROR", "object": status(410, "too old resource version: 5 (9)")}
    api.steps = [page(version=5), [error]]
    with pytest.raises(StatusError, match="too old") as caught:
        await take(client, 3)
    assert caught.value.code == 410
    api.steps = [page(version=5), 410]
    with pytest.raises(StatusError) as caught:
        await take(client, 3)
    assert caught.value.code == 410


async def test_who_is_busy_is_asked_again_with_growing_pauses(
    api: Api, client: RemoteClient, clock: VirtualClock
):
    began = clock.now
    api.steps = [503, 429, pod("a", 1)]
    assert (await client.get("pods", "a", "default"))["metadata"]["name"] == "a"
    assert clock.now - began == pytest.approx(0.7)
    api.steps = [403]
    with pytest.raises(StatusError, match="refused with 403"):
        await client.get("pods", "a", "default")
    assert len(api.asked) == 4


async def test_nobody_there_is_a_refusal_too(api: Api, clock: VirtualClock):
    api.url = "https://127.0.0.1:1"
    kubeconfig.write(api.file, server=api.url, context="c", pki=api.keys)
    async with RemoteClient(kubeconfig.read(api.file), clock) as client:
        with pytest.raises(StatusError, match=r"https://127\.0\.0\.1:1 gives no answer") as caught:
            await client.get("nodes", "n")
    assert caught.value.code == 503


async def test_tokens_and_evictions_are_asked_for(api: Api, client: RemoteClient):
    item = {
        "metadata": {"name": "a", "namespace": "default", "uid": "u"},
        "spec": {"serviceAccountName": "s"},
    }
    api.steps = [{"status": {"token": "t"}}, 429]
    assert await client.token(item, {"expirationSeconds": 600}) == "t"
    assert api.asked[0].path == "/api/v1/namespaces/default/serviceaccounts/s/token"
    assert api.bodies[0]["spec"]["boundObjectRef"]["uid"] == "u"
    with pytest.raises(StatusError) as caught:
        await client.evict(item)
    assert (caught.value.code, api.asked[1].path, len(api.asked)) == (429, f"{PODS}/a/eviction", 2)


def test_a_kubeconfig_may_point_to_files_and_carry_a_token(tmp_path: Path):
    keys = pki.ensure(tmp_path / "pki", ["127.0.0.1"], "admin")
    (tmp_path / "token").write_text("secret\n")
    raw = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "x", "user": "y"}}],
        "clusters": [
            {"name": "x", "cluster": {"server": "https://h:6443/", "certificate-authority": "pki/ca.crt"}}
        ],
        "users": [{"name": "y", "user": {"tokenFile": "token"}}],
    }
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(raw))
    access = kubeconfig.read(file)
    assert (access.server, access.headers()) == ("https://h:6443", {"Authorization": "Bearer secret"})
    assert access.authority == keys.authority.read_text()
    raw["users"][0]["user"] = {"exec": {"command": "aws"}}
    file.write_text(yaml.safe_dump(raw))
    with pytest.raises(KubeconfigError, match="'exec', which is not supported"):
        kubeconfig.read(file)
    file.write_text("[]")
    with pytest.raises(KubeconfigError, match="is no kubeconfig that could be used"):
        kubeconfig.read(file)
    with pytest.raises(KubeconfigError, match="No such file"):
        kubeconfig.read(tmp_path / "nosuch")
