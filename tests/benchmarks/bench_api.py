"""How fast is the API of the pocket cluster? ``python tests/benchmarks/bench_api.py``

Every request goes over TLS with a client certificate, as from kubectl. Each figure stands beside its target and that of
a real Kubernetes 1.36 control plane, recorded on the same kind of machine; the last column is ours as a share of that.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any

import aiohttp
import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))
from raglab.pocket import kubeconfig
from tests.pocket import conftest as pocket

Object = dict[str, Any]
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
MERGE = {"Content-Type": "application/merge-patch+json"}
STRATEGIC = {"Content-Type": "application/strategic-merge-patch+json"}
APPLY = {"Content-Type": "application/apply-patch+yaml"}
CONFIGMAPS, PODS = "/api/v1/namespaces/default/configmaps", "/api/v1/namespaces/default/pods"
VIRTUAL = "virtual"
"""A Node without a kubelet: its pods are objects only, and this benchmark says that they run."""
NUMBERS = itertools.count()


class Api:
    """The API over HTTPS; each request reads its whole answer."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def __call__(self, method: str, path: str, body: Object | None = None, **more: Any) -> bytes:
        async with self.session.request(method, path, json=body, **more) as answer:
            content = await answer.read()
            if answer.status >= 300:
                raise RuntimeError(f"{method} {path}: {answer.status} {content[:300]!r}")
            return content


@asynccontextmanager
async def connected(cluster: pocket.Cluster, connections: int = 1) -> AsyncIterator[Api]:
    """A client with so many connections and what the kubeconfig gives."""
    access = kubeconfig.read(cluster.kubeconfig)
    connector = aiohttp.TCPConnector(ssl=access.trust, limit=connections)
    async with aiohttp.ClientSession(access.server, connector=connector) as session:
        yield Api(session)


def row(name: str, measured: float, unit: str, target: str, real: float | None = None) -> None:
    share = f"{measured / real:.2f}" if real else ""
    print(f"{name:48}{measured:9.2f} {unit:5}{target:>12}{real or '':>10}{share:>7}", flush=True)


async def repeat(times: int, request: Callable[[], Awaitable[Any]]) -> list[float]:
    """Milliseconds of each of so many requests, one after another."""
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        await request()
        seconds.append(time.perf_counter() - started)
    return [1000 * value for value in seconds]


def config_map(name: str, value: str = "x") -> Object:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"key": value}}


def pod(name: str, node: str = VIRTUAL) -> Object:
    """A pod like those of the course: a port, a variable, requests, a probe."""
    container = {
        "name": "c",
        "image": "example.com/wait:1",
        "ports": [{"containerPort": 8080}],
        "env": [{"name": "A", "value": "b"}],
        "resources": {"requests": {"cpu": "1m", "memory": "1Mi"}},
    }
    spec = {
        "containers": [container],
        "nodeSelector": {"kubernetes.io/hostname": node},
        "tolerations": [{"operator": "Exists"}],
    }
    meta = {"name": name, "labels": {"app": name, "tier": "bench"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


async def single_requests(cluster: pocket.Cluster) -> None:
    """One connection, one request at a time."""
    async with connected(cluster) as api:
        await api("POST", CONFIGMAPS, config_map("one"))
        one = f"{CONFIGMAPS}/one"

        def patch(headers: dict[str, str]) -> Callable[[], Awaitable[Any]]:
            params = {"fieldManager": "bench", "force": "true"} if headers is APPLY else {}
            body = lambda: config_map("one", str(next(NUMBERS)))  # noqa: E731
            return lambda: api("PATCH", one, body(), headers=headers, params=params)

        row("GET a ConfigMap, p50", median(await repeat(500, lambda: api("GET", one))), "ms", "<= 1.4", 1.4)
        create = lambda: api("POST", CONFIGMAPS, config_map(f"c{next(NUMBERS)}"))  # noqa: E731
        row("create a ConfigMap, p50", median(await repeat(500, create)), "ms", "<= 2.7", 2.7)
        for name, headers in (("merge", MERGE), ("strategic merge", STRATEGIC), ("server-side apply", APPLY)):
            row(f"PATCH, {name}, p50", median(await repeat(300, patch(headers))), "ms", "<= 3.3", 3.3)


async def many_at_once(cluster: pocket.Cluster) -> None:
    """Eight connections that create as fast as they can."""
    async with connected(cluster, 8) as api:

        async def create(count: int) -> None:
            await repeat(count, lambda: api("POST", CONFIGMAPS, config_map(f"m{next(NUMBERS)}")))

        started = time.perf_counter()
        await asyncio.gather(*(create(125) for _ in range(8)))
        row("creates per second, 8 connections", 1000 / (time.perf_counter() - started), "/s", ">= 676", 676)


async def watching(cluster: pocket.Cluster) -> None:
    """From sending a patch to the event about it, on two connections."""
    async with connected(cluster, 2) as api:
        params = {"watch": "true", "fieldSelector": "metadata.name=one"}
        delays = []
        async with api.session.get(CONFIGMAPS, params=params) as stream:
            await stream.content.readline()
            for number in range(300):
                started = time.perf_counter()
                sent = asyncio.ensure_future(
                    api("PATCH", f"{CONFIGMAPS}/one", {"data": {"n": str(number)}}, headers=MERGE)
                )
                event = json.loads(await stream.content.readline())
                delays.append(1000 * (time.perf_counter() - started))
                assert event["object"]["data"]["n"] == str(number)
                await sent
    row("watch: patch sent to event received, p50", median(delays), "ms", "<= 4.4", 4.4)
    row("watch: the same, p99", quantiles(delays, n=100)[98], "ms", "<= 10", 11.8)


async def lists(cluster: pocket.Cluster) -> None:
    """500 pods of a node without a kubelet, as JSON and as kubectl's table, and the memory they need."""
    async with connected(cluster) as api:
        await api("POST", "/api/v1/nodes", virtual_node())
        for number in range(500):
            await api("POST", PODS, pod(f"p{number}"))
        row(
            "list 500 pods, JSON, p50",
            median(await repeat(20, lambda: api("GET", PODS))),
            "ms",
            "<= 45",
            44.7,
        )
        table = await repeat(20, lambda: api("GET", PODS, headers=TABLE))
        row("list 500 pods, Table, p50", median(table), "ms", "<= 18", 18.4)
        process = psutil.Process(cluster.process.pid)
        row("memory with 500 pods", process.memory_info().rss / 1e6, "MB", "<= 130", 704)
        for number in range(500):
            await api("DELETE", f"{PODS}/p{number}", params={"gracePeriodSeconds": "0"})


def virtual_node() -> Object:
    resources = {"cpu": "1000", "memory": "1000Gi", "pods": "5000"}
    ready = {"type": "Ready", "status": "True", "lastHeartbeatTime": "2100-01-01T00:00:00Z"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": VIRTUAL, "labels": {"kubernetes.io/hostname": VIRTUAL}},
        "status": {"capacity": resources, "allocatable": resources, "conditions": [ready]},
    }


async def thousand_pods(cluster: pocket.Cluster) -> None:
    """Created, scheduled, and marked as running by one client that watches like a kubelet."""
    async with connected(cluster, 4) as api:
        names = {f"t{number}" for number in range(1000)}
        started = time.perf_counter()
        marking = asyncio.ensure_future(_mark_running(api, set(names)))
        groups = [sorted(names)[part::3] for part in range(3)]
        await asyncio.gather(*(_create_pods(api, group) for group in groups))
        await marking
        row("1,000 pods created, scheduled, running", time.perf_counter() - started, "s", "<= 10")


async def _create_pods(api: Api, names: list[str]) -> None:
    for name in names:
        await api("POST", PODS, pod(name))


async def _mark_running(api: Api, waiting: set[str]) -> None:
    params = {"watch": "true", "fieldSelector": f"spec.nodeName={VIRTUAL}"}
    async with api.session.get(PODS, params=params) as stream:
        while waiting:
            name = json.loads(await stream.content.readline())["object"]["metadata"]["name"]
            if name in waiting:
                waiting.discard(name)
                status = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
                await api("PATCH", f"{PODS}/{name}/status", {"status": status}, headers=MERGE)


async def first_run(cluster: pocket.Cluster) -> None:
    """From sending a pod to its being Running, a real process on the node itself."""
    async with connected(cluster, 2) as api:
        params = {"watch": "true", "labelSelector": "tier=bench"}
        seconds = []
        async with api.session.get(PODS, params=params) as stream:
            for number in range(10):
                started = time.perf_counter()
                await api("POST", PODS, pod(f"real{number}", "minikube"))
                await _until_running(stream, f"real{number}")
                seconds.append(1000 * (time.perf_counter() - started))
    row("pod created to Running (a process), p50", median(seconds), "ms", "<= 50")


async def _until_running(stream: aiohttp.ClientResponse, name: str) -> None:
    while True:
        found = json.loads(await stream.content.readline())["object"]
        if found["metadata"]["name"] == name and found.get("status", {}).get("phase") == "Running":
            return


@contextmanager
def cluster_in(folder: Path) -> Iterator[pocket.Cluster]:
    """A cluster whose schemas lie beside it, where the next one finds them."""
    folder.mkdir()
    with (
        pocket.addresses() as own,
        pocket.running(folder, schema_cache=folder.parent / "schemas", **own) as cluster,
    ):
        yield cluster


def main() -> None:
    print(f"{'':48}{'measured':>9} {'':5}{'target':>12}{'real':>10}{'share':>7}")
    with tempfile.TemporaryDirectory() as name:
        with cluster_in(Path(name, "first")):  # compiles the schemas, as `raglab up` has done before
            pass
        begun = time.perf_counter()
        with cluster_in(Path(name, "second")) as cluster:
            row("start to ready", time.perf_counter() - begun, "s", "<= 1.5", 2.95)
            for part in (first_run, single_requests, watching, many_at_once, lists, thousand_pods):
                asyncio.run(part(cluster))


if __name__ == "__main__":
    main()
