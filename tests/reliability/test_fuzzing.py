"""The API under requests that make no sense: refused in its own words, never a fault of the server.

The short run is the API alone; the long one a whole cluster over HTTPS, whose controllers and node have to live with
what was stored: ``raglab test -m long tests/reliability/test_fuzzing.py``. FUZZ_SEED and FUZZ_COUNT choose another.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from pathlib import Path

import aiohttp
import pytest

from raglab.pocket.kinds import catalogue, custom
from raglab.pocket.kinds.schema import Schemas
from raglab.pocket.store import Store
from tests.pocket.conftest import Cluster, isolated, start, stop
from tests.reliability import fuzzing
from tests.reliability.fuzzing import Findings, Fuzzer, Request, Send
from tests.unit.http.conftest import api, identity  # noqa: F401

SHORT, LONG = 1000, 30_000
DEFINITION = next(item for item in fuzzing.EXAMPLES if item["kind"] == "CustomResourceDefinition")
ESTABLISHED = {"status": {"conditions": [{"type": "Established", "status": "True"}]}}


def sender(session: aiohttp.ClientSession, server: str) -> Send:
    async def send(request: Request) -> tuple[int, bytes]:
        more = {"headers": request.headers, "data": request.body or None}
        async with session.request(request.method, server + request.path, **more) as answer:
            return answer.status, await answer.read()

    return send


async def test_no_request_is_too_odd(api, schemas, caplog):  # noqa: F811
    path = f"/apis/{DEFINITION['apiVersion']}/customresourcedefinitions"
    await api.call("POST", path, 201, json=DEFINITION)
    merge = {"Content-Type": "application/merge-patch+json"}
    await api.call(
        "PATCH", f"{path}/{DEFINITION['metadata']['name']}/status", json=ESTABLISHED, headers=merge
    )  # no controller is here
    await api.call("POST", "/api/v1/namespaces", 201, json={"metadata": {"name": "fuzz"}})
    kinds = [kind for kind in api.registry.kinds.kinds if "list" in kind.verbs]
    send = sender(api.client.session, str(api.client.make_url("")).rstrip("/"))
    findings = await fuzzing.run(send, Fuzzer(kinds, schemas, seed=1).requests(SHORT))
    await fuzzing.read_everything(send, kinds, findings)
    assert not findings.faults, "\n".join(findings.faults[:20]) + caplog.text[-3000:]
    assert findings.answers[201] > 30 and findings.answers[200] > 100, "hardly any request was understood"


@pytest.mark.long
@pytest.mark.pocket
@pytest.mark.timeout(3600)
def test_no_request_is_too_odd_for_a_whole_cluster(tmp_path: Path, schemas: Schemas):
    seed, count = int(os.environ.get("FUZZ_SEED", "1")), int(os.environ.get("FUZZ_COUNT", LONG))
    kinds = [*catalogue.load().kinds, *custom.kinds(DEFINITION | ESTABLISHED)]
    fuzzer = Fuzzer(kinds, schemas, seed, tame=True)
    with isolated(tmp_path, "bubblewrap") as cluster:
        cluster.kubectl("create", "namespace", "fuzz")
        findings = asyncio.run(_fuzz(cluster, fuzzer, count))
        print(f"seed {seed}, {count} requests: {sorted(findings.answers.items())}")
        log = (tmp_path / "state.log").read_text()
        assert not findings.faults, "\n".join(findings.faults[:20])
        assert "Traceback" not in log, log[log.index("Traceback") - 300 :][:3000]
        stop(cluster)
        Store(cluster.state / "store.sqlite").close()
        cluster.process = start(cluster.state, cluster.home, **cluster.settings).process
        cluster.kubectl("get", "all", "-A")


async def _fuzz(cluster: Cluster, fuzzer: Fuzzer, count: int) -> Findings:
    trust = ssl.create_default_context(cafile=str(cluster.state / "pki" / "ca.crt"))
    headers = {"Authorization": f"Bearer {(cluster.state / 'pki' / 'token').read_text()}"}
    connector = aiohttp.TCPConnector(ssl=trust)
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        send = sender(session, cluster.server)
        findings = await fuzzing.run(send, fuzzer.requests(count), at_once=4)
        await fuzzing.read_everything(send, fuzzer.kinds, findings)
        return findings
