"""APIServices: requests that another server answers, checks of that server, and what discovery tells about it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import re
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from raglab.pocket import pki
from raglab.pocket.api.availability import Availability
from raglab.pocket.api.local import LocalClient
from raglab.pocket.api.patch import merge
from raglab.pocket.errors import StatusError
from raglab.pocket.tokens import ServiceAccount

GROUP = "tests.example.com"
BASE = f"/apis/{GROUP}/v1"
NAME = f"v1.{GROUP}"
RESOURCES = [
    {"name": "pods/load", "singularName": "", "namespaced": True, "kind": "ValueList", "verbs": ["get"]},
    {
        "name": "things",
        "singularName": "thing",
        "namespaced": True,
        "kind": "Thing",
        "verbs": ["get", "list"],
    },
]


@dataclass
class Other:
    """The server behind an APIService: it repeats what it was asked, and follows orders about watches."""

    port: int = 0
    folder: Path | None = None
    status: int = 200
    asked: list[web.Request] = field(default_factory=list)
    more: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        if request.path == BASE:
            body = {"kind": "APIResourceList", "groupVersion": f"{GROUP}/v1", "resources": RESOURCES}
            return web.json_response(body, status=self.status)
        if "watch" in request.query:
            return await self._watch(request)
        if request.path.endswith("/refused"):
            body = {"kind": "Status", "code": 404, "reason": "NotFound", "message": "no such thing"}
            return web.json_response(body, status=404)
        headers = [[name, value] for name, value in request.headers.items() if name.startswith("X-Remote")]
        text = (await request.read()).decode()
        body = {"kind": "Echo", "path": request.raw_path, "method": request.method, "headers": headers}
        certificate = request.transport.get_extra_info("ssl_object").getpeercert() or {}
        return web.json_response(body | {"body": text, "client": str(certificate.get("subject", ""))})

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first\n")
        await self.more.wait()
        await response.write(b"second\n")
        return response


@pytest.fixture
async def other(tmp_path, own) -> AsyncIterator[Other]:
    """Listens with a certificate for the Service ``other`` in ``default``, made by an authority of its own."""
    made = Other()
    keys = pki.ensure(tmp_path / "other-pki", ["other.default.svc"], "nobody")
    made.folder = keys.folder
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_verify_locations(own.authority)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_cert_chain(keys.folder / "server.crt", keys.folder / "server.key")
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    made.port = runner.addresses[0][1]
    yield made
    made.more.set()
    await runner.cleanup()


@pytest.fixture
def own(tmp_path) -> pki.Pki:
    """The keys of the API that asks."""
    return pki.ensure(tmp_path / "own-pki", ["127.0.0.1"], "admin")


@dataclass
class Layer:
    """The API with its aggregation layer, and short words for what tests do."""

    api: object
    client: LocalClient
    other: Other

    async def let_read(self, account: str) -> None:
        """A role that allows reading ``things``, bound to a service account of the namespace ``default``."""
        rbac, meta = "/apis/rbac.authorization.k8s.io/v1", {"metadata": {"name": "reader"}}
        rules = [{"apiGroups": [GROUP], "resources": ["things"], "verbs": ["get", "list"]}]
        await self.api.call("POST", f"{rbac}/clusterroles", 201, json=meta | {"rules": rules})
        bound = {"subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "default"}]}
        bound["roleRef"] = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "reader"}
        await self.api.call("POST", f"{rbac}/clusterrolebindings", 201, json=meta | bound)

    async def register(self, port: int | None = None, **trust: object) -> None:
        """A Service ``other`` with one endpoint, and an APIService that names it."""
        await self.client.create("services", service(spec={"ports": [{"name": "https", "port": 443}]}))
        await self.endpoints(self.other.port if port is None else port)
        await self.client.create("apiservices", api_service(**(trust or {"insecureSkipTLSVerify": True})))

    async def endpoints(self, port: int, name: str = "https", ready: bool = True) -> None:
        slice = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": "other-1",
                "namespace": "default",
                "labels": {"kubernetes.io/service-name": "other"},
            },
            "addressType": "IPv4",
            "endpoints": [{"addresses": ["127.0.0.1"], "conditions": {"ready": ready}}],
            "ports": [{"name": name, "port": port, "protocol": "TCP"}],
        }
        with contextlib.suppress(StatusError):
            await self.client.delete("endpointslices", "other-1", "default")
        await self.client.create("endpointslices", slice)

    async def verdict(self, reason: str) -> str:
        """The message of the condition Available, once it has this reason."""
        async with asyncio.timeout(20):
            while True:
                found = (await self.client.get("apiservices", NAME)).get("status", {})
                for item in found.get("conditions", ()):
                    if item["reason"] == reason:
                        assert item["status"] == ("True" if reason == "Passed" else "False")
                        return item["message"]
                await asyncio.sleep(0.01)


def service(**more):
    meta = {"name": "other", "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": meta} | more


def api_service(**trust):
    reference = {"name": "other", "namespace": "default", "port": 443}
    spec = {"group": GROUP, "version": "v1", "groupPriorityMinimum": 100, "versionPriority": 10}
    head = {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService", "metadata": {"name": NAME}}
    return head | {"spec": spec | {"service": reference} | trust}


@pytest.fixture
def identity(own) -> Path:
    return own.front_proxy


@pytest.fixture
async def layer(api, other) -> AsyncIterator[Layer]:
    """The API, and the part that looks after APIServices."""
    registry = api.registry
    client = LocalClient(registry, api.aggregator)
    availability = Availability(client, registry.kinds, api.aggregator, registry.clock)
    running = asyncio.create_task(availability.run())
    yield Layer(api, client, other)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_local_ones(layer):
    async def judged():
        listed = await layer.client.list("apiservices")
        return {item["metadata"]["name"]: item for item in listed if item.get("status", {}).get("conditions")}

    async def reached(holds):
        while True:
            if holds(await judged()):
                return
            await asyncio.sleep(0.01)

    async with asyncio.timeout(20):
        await reached(lambda found: {"v1.", "v1.apps", "v1.storage.k8s.io", "v2.autoscaling"} <= found.keys())
    listed = await judged()
    assert listed["v1."]["status"]["conditions"][0]["reason"] == "Local"
    assert "v1.apiregistration.k8s.io" not in listed
    await layer.client.delete("apiservices", "v1.apps")
    async with asyncio.timeout(20):
        await reached(lambda found: "v1.apps" in found)


async def test_requests_reach_the_server_in_the_name_of_the_user(layer):
    await layer.register()
    assert await layer.verdict("Passed") == "all checks passed"
    path = f"{BASE}/namespaces/default/pods/*/load%2Fx?labelSelector=a%3Db"
    answer = await layer.api.call("POST", path, data="hello", headers={"X-Remote-Group": "system:masters"})
    assert (answer["path"], answer["method"], answer["body"]) == (path, "POST", "hello")
    assert answer["headers"] == [
        ["X-Remote-User", "minikube-user"],
        ["X-Remote-Group", "system:masters"],
        ["X-Remote-Group", "system:authenticated"],
    ]
    assert "front-proxy-client" in answer["client"]
    assert "Authorization" not in layer.other.asked[-1].headers


async def test_a_service_account_is_told_apart_and_bounded(layer):
    await layer.register()
    await layer.verdict("Passed")
    account = await layer.client.get("serviceaccounts", "default", "default")
    await layer.let_read("default")
    who = ServiceAccount("default", "default", account["metadata"]["uid"])
    token = layer.api.signer.issue(who, now=layer.api.registry.clock.time(), seconds=600)
    headers = {"Authorization": f"Bearer {token}", "X-Remote-Group": "system:masters"}
    answer = await layer.api.call("GET", f"{BASE}/namespaces/default/things", headers=headers)
    assert ["X-Remote-User", "system:serviceaccount:default:default"] in answer["headers"]
    assert ["X-Remote-Group", "system:masters"] not in answer["headers"]
    refused = await layer.api.call("DELETE", f"{BASE}/namespaces/default/things/a", 403, headers=headers)
    assert 'cannot delete resource "things" in API group "tests.example.com"' in refused["message"]
    async with layer.api.client.get(BASE, headers={"Authorization": "Bearer wrong"}) as answer:
        assert answer.status == 401


async def test_answers_come_piece_by_piece(layer):
    await layer.register()
    await layer.verdict("Passed")
    async with layer.api.client.get(f"{BASE}/namespaces/default/things?watch=true") as answer:
        assert await answer.content.readline() == b"first\n"
        layer.other.more.set()
        assert await answer.content.readline() == b"second\n"


async def test_discovery_tells_what_the_server_serves(layer):
    await layer.register()
    await layer.verdict("Passed")
    assert (await layer.api.call("GET", BASE))["resources"] == RESOURCES
    group = await layer.api.call("GET", f"/apis/{GROUP}")
    assert group["preferredVersion"] == {"groupVersion": f"{GROUP}/v1", "version": "v1"}
    accept = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
    document = await layer.api.call("GET", "/apis", headers=accept)
    (found,) = [item for item in document["items"] if item["metadata"]["name"] == GROUP]
    (version,) = found["versions"]
    assert version["freshness"] == "Current"
    pods, things = version["resources"]
    nothing = {"group": "", "version": "", "kind": ""}
    assert pods == {
        "resource": "pods",
        "responseKind": nothing,
        "scope": "Namespaced",
        "singularResource": "",
        "verbs": None,
        "subresources": [
            {"subresource": "load", "responseKind": nothing | {"kind": "ValueList"}, "verbs": ["get"]}
        ],
    }
    assert (things["resource"], things["verbs"]) == ("things", ["get", "list"])


async def test_the_in_process_client_reaches_it_too(layer):
    await layer.register()
    with pytest.raises(StatusError) as refused:
        await layer.client.raw("/apis/nobody.example.com/v1/things")
    assert refused.value.code == 404
    await layer.verdict("Passed")
    query = {"labelSelector": "a in (b, c)"}
    answer = await layer.client.raw(f"{BASE}/namespaces/default/pods/*/load", query)
    assert answer["path"].startswith(f"{BASE}/namespaces/default/pods/*/load?labelSelector=a")
    assert ["X-Remote-User", "system:kube-controller-manager"] in answer["headers"]
    with pytest.raises(StatusError) as refused:
        await layer.client.raw(f"{BASE}/refused")
    assert (refused.value.code, refused.value.reason, str(refused.value)) == (
        404,
        "NotFound",
        "no such thing",
    )


async def test_without_a_server(layer):
    """Each thing that may be missing has a reason of its own, and clients get a 503."""
    await layer.client.create("apiservices", api_service(insecureSkipTLSVerify=True))
    assert await layer.verdict("ServiceNotFound") == 'service/other in "default" is not present'
    await layer.client.create("services", service(spec={"ports": [{"name": "web", "port": 80}]}))
    text = await layer.verdict("ServicePortError")
    assert text == 'service/other in "default" is not listening on port 443'
    ports = [{"name": "https", "port": 443}]
    await layer.client.patch("services", "other", "default", {"spec": {"ports": ports}})
    text = await layer.verdict("EndpointsNotFound")
    assert text == 'cannot find endpointslices for service/other in "default"'
    await layer.endpoints(layer.other.port, ready=False)
    text = await layer.verdict("MissingEndpoints")
    assert text == 'endpointslices for service/other in "default" have no addresses with port name "https"'
    async with layer.api.client.get(f"{BASE}/things") as answer:
        assert answer.status == 503
    with pytest.raises(StatusError) as refused:
        await layer.client.raw(BASE)
    text = "the server is currently unable to handle the request"
    assert (refused.value.code, refused.value.reason, str(refused.value)) == (503, "ServiceUnavailable", text)
    await layer.endpoints(layer.other.port)
    await layer.verdict("Passed")


async def test_a_server_that_does_not_listen(layer):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        await layer.register(port)
        url = f"https://127.0.0.1:{port}{BASE}"
        assert await layer.verdict("FailedDiscoveryCheck") == (
            f'failing or missing response from {url}: Get "{url}": '
            f"dial tcp 127.0.0.1:{port}: connect: connection refused"
        )
    accept = {"Accept": "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"}
    document = await layer.api.call("GET", "/apis", headers=accept)
    (found,) = [item for item in document["items"] if item["metadata"]["name"] == GROUP]
    assert found["versions"] == [{"version": "v1", "resources": [], "freshness": "Stale"}]


async def test_a_server_that_answers_with_errors(layer):
    layer.other.status = 500
    await layer.register()
    text = await layer.verdict("FailedDiscoveryCheck")
    url = f"https://127.0.0.1:{layer.other.port}{BASE}"
    assert text == f"failing or missing response from {url}: bad status from {url}: 500"


async def test_certificates(layer):
    """With a ``caBundle`` the server must prove who it is; another authority's certificate is refused."""
    own = base64.b64encode((layer.other.folder / "ca.crt").read_bytes()).decode()
    foreign = base64.b64encode((layer.other.folder.parent / "own-pki" / "ca.crt").read_bytes()).decode()
    await layer.register(caBundle=foreign)
    assert "tls: failed to verify certificate" in await layer.verdict("FailedDiscoveryCheck")
    await layer.client.patch("apiservices", NAME, "", {"spec": {"caBundle": own}})
    await layer.verdict("Passed")


async def test_a_server_that_ends_makes_its_group_unavailable(layer):
    await layer.register()
    await layer.verdict("Passed")
    await layer.client.delete("endpointslices", "other-1", "default")
    await layer.verdict("EndpointsNotFound")
    async with layer.api.client.get(f"{BASE}/things") as answer:
        assert (answer.status, await answer.text()) == (503, "service unavailable\n")
    await layer.client.delete("apiservices", NAME)
    async with layer.api.client.get(f"{BASE}/things") as answer:
        assert answer.status == 404


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"spec": {"version": "v2"}}, 'must be `spec.version+"."+spec.group`: "v2.tests.example.com"'),
        ({"spec": {"groupPriorityMinimum": 0}}, "must be positive and less than 20000"),
        ({"spec": {"versionPriority": 1001}}, "must be positive and less than 1000"),
        ({"spec": {"service": {"name": ""}}}, "spec.service.name: Required value"),
        ({"spec": {"caBundle": "bm8gY2VydGlmaWNhdGU="}}, "unable to load root certificates"),
        ({"spec": {"service": None, "insecureSkipTLSVerify": True}}, "must be false for local APIServices"),
    ],
)
async def test_wrong_ones(layer, change, text):
    wrong = merge(api_service(), change)
    with pytest.raises(StatusError, match=re.escape(text)) as refused:
        await layer.client.create("apiservices", wrong)
    assert refused.value.code == 422
