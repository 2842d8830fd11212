"""The program as it runs in a pod: its own certificate, the service account's files, and how it ends."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from raglab.pocket import pki

from .world import FakePrometheus, vector

MODULE = "raglab.services.addons.metrics_adapter"
RULES = """
rules:
- seriesQuery: gpu
  resources: {template: <<.Resource>>}
  metricsQuery: sum(<<.Series>>{<<.LabelMatchers>>}) by (<<.GroupBy>>)
"""


class Api:
    """As much of the Kubernetes API as the adapter asks for."""

    def __init__(self, keys: pki.Pki) -> None:
        self.keys = keys
        self.tokens: list[str] = []
        self.known = {
            "requestheader-allowed-names": '["front-proxy-client"]',
            "requestheader-client-ca-file": keys.authority.read_text(),
        }
        self.app = web.Application()
        self.app.router.add_get("/{path:.*}", self._answer)

    async def _answer(self, request: web.Request) -> web.Response:
        self.tokens.append(request.headers["Authorization"])
        kinds = [("pods", "pod", "Pod"), ("namespaces", "namespace", "Namespace"), ("pods/log", "", "Pod")]
        resources = [{"name": n, "singularName": s, "kind": k} for n, s, k in kinds]
        answers = {
            "/apis": {"groups": [{"preferredVersion": {"groupVersion": "broken/v1"}}]},
            "/api/v1": {"groupVersion": "v1", "resources": resources},
            "/api/v1/namespaces/kube-system/configmaps/extension-apiserver-authentication": {
                "data": self.known
            },
            "/api/v1/namespaces/rag/pods": {"items": [{"metadata": {"name": "nim-0"}}]},
        }
        return web.json_response(
            answers.get(request.path, {}), status=200 if request.path in answers else 503
        )


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[tuple[Api, dict[str, str]]]:
    """A Kubernetes API, and the environment a pod finds it with."""
    account = tmp_path / "account"
    account.mkdir()
    keys = pki.ensure(tmp_path / "pki", ["127.0.0.1"], "admin")
    (account / "token").write_text("secret\n")
    (account / "ca.crt").write_text(keys.authority.read_text())
    fake = Api(keys)
    server = TestServer(fake.app, scheme="https")
    await server.start_server(ssl=keys.server_context())
    where = {"KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": str(server.port)}
    yield fake, where | {"SERVICE_ACCOUNT": str(account)}
    await server.close()


async def test_it_serves_over_tls_and_stops_when_asked(service, api, tmp_path):
    fake, env = api
    prometheus = FakePrometheus({"gpu": [{"__name__": "gpu", "namespace": "rag", "pod": "nim-0"}]})
    prometheus.results['sum(gpu{namespace="rag",pod="nim-0"}) by (pod)'] = vector(**{"nim-0": "30"})
    source = TestServer(prometheus.app())
    await source.start_server()
    (tmp_path / "config.yaml").write_text(RULES)
    args = [
        "/adapter",
        "--secure-port=6443",
        f"--cert-dir={tmp_path}/cert",
        f"--prometheus-url={source.make_url('/prom')}",
        "--metrics-relist-interval=1s",
        f"--config={tmp_path}/config.yaml",
    ]
    running = service(MODULE, 6443, env, args=args)
    url = f"https://{running.host}:6443/apis/custom.metrics.k8s.io/v1beta2/namespaces/rag/pods/*/gpu"
    async with httpx.AsyncClient(verify=shown(fake.keys.front_proxy), trust_env=False) as client:
        answer = await _first(client, url, running)
    assert answer.json()["items"][0]["value"] == "30"
    for stranger in (None, fake.keys.folder / "admin"):
        async with httpx.AsyncClient(verify=shown(stranger), trust_env=False) as client:
            assert (await client.get(f"https://{running.host}:6443/healthz")).text == "ok"
            refused = await client.get(url)
        assert (refused.status_code, refused.json()["reason"]) == (403, "Forbidden")
        assert 'User "system:anonymous" cannot get path "/apis/' in refused.json()["message"]
    assert set(fake.tokens) == {"Bearer secret"}
    assert (tmp_path / "cert" / "apiserver.key").stat().st_mode & 0o777 == 0o600
    async with httpx.AsyncClient(verify=ssl.create_default_context(), trust_env=False) as careful:
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await careful.get(url)
    assert running.stop() == 0
    await source.close()


def shown(identity: Path | None) -> ssl.SSLContext:
    """A client that trusts any server and shows the certificate `identity`, named without its suffix."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if identity:
        context.load_cert_chain(f"{identity}.crt", f"{identity}.key")
    return context


async def _first(client: httpx.AsyncClient, url: str, running) -> httpx.Response:
    """The first answer with a value; asked in a loop of this test's own, which also serves the fakes."""
    for _ in range(600):
        try:
            answer = await client.get(url)
            if answer.status_code == 200:
                return answer
        except httpx.TransportError:
            assert running.process.poll() is None, running.output()
        await asyncio.sleep(0.05)
    pytest.fail(running.output())


async def test_without_the_right_to_know_its_callers_it_names_the_remedy(service, api, tmp_path):
    fake, env = api
    fake.known = {}
    (tmp_path / "config.yaml").write_text(RULES)
    running = service(MODULE, 6443, env, args=[f"--config={tmp_path}/config.yaml"])
    assert await asyncio.to_thread(running.process.wait, 60) == 255
    assert "create rolebinding" in running.output()


async def test_without_a_cluster_it_says_so(service, tmp_path):
    (tmp_path / "config.yaml").write_text(RULES)
    running = service(
        MODULE, 6443, {"SERVICE_ACCOUNT": str(tmp_path)}, args=[f"--config={tmp_path}/config.yaml"]
    )
    assert running.process.wait(60) == 255
    assert "unable to load in-cluster configuration" in running.output()


async def test_a_bad_rule_file_ends_it_with_the_reason(service, tmp_path):
    (tmp_path / "config.yaml").write_text("rulez: []")
    running = service(MODULE, 6443, args=[f"--config={tmp_path}/config.yaml"])
    assert running.process.wait(60) == 255
    assert "rulez" in running.output()
