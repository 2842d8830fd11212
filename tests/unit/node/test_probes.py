"""Probes against real servers, in the kubelet's words, and their counting in virtual time."""

import asyncio

import pytest
from aiohttp import web

from raglab.pocket.node import probes
from raglab.pocket.node.probes import Prober, Result


async def no_exec(command: list[str], timeout: float) -> tuple[int, str]:
    raise AssertionError("not an exec probe")


@pytest.fixture
async def server():
    async def answer(request: web.Request) -> web.Response:
        if request.path == "/slow":
            await asyncio.sleep(30)
        code = {"/ok": 200, "/moved": 302}.get(request.path, 503)
        return web.Response(status=code, headers={"Location": "/gone"} if code == 302 else {})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield runner.addresses[0][1]
    await runner.cleanup()


async def attempt(probe: dict, ports: dict | None = None, exec_=no_exec) -> Result:
    return await Prober(probe, ports or {}, "127.0.0.1", exec_).attempt()


async def test_http(server: int):
    assert await attempt({"httpGet": {"path": "/ok", "port": server}}) == Result(True)
    assert await attempt({"httpGet": {"path": "ok", "port": "web"}}, {"web": server}) == Result(True)
    assert (await attempt({"httpGet": {"path": "/moved", "port": server}})).ok
    failed = await attempt({"httpGet": {"path": "/bad", "port": server}})
    assert failed == Result(False, "HTTP probe failed with statuscode: 503")


async def test_http_that_takes_too_long(server: int):
    failed = await attempt({"httpGet": {"path": "/slow", "port": server}, "timeoutSeconds": 0.2})
    assert failed.message == (
        f'Get "http://127.0.0.1:{server}/slow": '
        "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
    )


async def test_refused_connections(unused_port: int):
    refused = f"dial tcp 127.0.0.1:{unused_port}: connect: connection refused"
    assert (await attempt({"tcpSocket": {"port": unused_port}})).message == refused
    answer = await attempt({"httpGet": {"path": "/x", "port": unused_port}})
    assert answer.message == f'Get "http://127.0.0.1:{unused_port}/x": {refused}'


@pytest.fixture
async def unused_port():
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


async def test_tcp(server: int):
    assert await attempt({"tcpSocket": {"port": server}}) == Result(True)


async def test_exec():
    async def exec_(command: list[str], timeout: float) -> tuple[int, str]:
        if command == ["slow"]:
            raise TimeoutError
        return (0 if command == ["true"] else 1), "not yet\n"

    assert (await attempt({"exec": {"command": ["true"]}}, exec_=exec_)).ok
    assert await attempt({"exec": {"command": ["false"]}}, exec_=exec_) == Result(False, "not yet\n")
    slow = await attempt({"exec": {"command": ["slow"]}}, exec_=exec_)
    assert slow.message == 'command timed out: "slow" timed out after 1s'


async def test_grpc_is_refused_by_name():
    assert "gRPC probes are not part of the pocket cluster" in (await attempt({"grpc": {"port": 1}})).message


class VirtualClock:
    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


class Script:
    """Gives the results of a list, one per attempt, and notes when."""

    def __init__(self, clock: VirtualClock, *results: bool) -> None:
        self.clock, self.results, self.times = clock, list(results), []

    async def attempt(self) -> Result:
        self.times.append(self.clock.now)
        return Result(self.results.pop(0))


async def play(probe: dict, eager: bool, *results: bool) -> tuple[list[bool | None], list[float]]:
    clock = VirtualClock()
    script = Script(clock, *results)
    verdicts: list[bool | None] = []
    async for verdict, _ in probes.outcomes(script, probe, clock, eager=eager):
        verdicts.append(verdict)
        if not script.results:
            break
    return verdicts, script.times


async def test_thresholds_count_results_in_a_row():
    probe = {"periodSeconds": 5, "initialDelaySeconds": 3, "failureThreshold": 2, "successThreshold": 2}
    verdicts, times = await play(probe, False, True, True, False, True, False, False)
    assert verdicts == [None, True, None, None, None, False]
    assert times == [3, 8, 13, 18, 23, 28]


async def test_eager_probes_hurry_to_the_first_success_and_count_failures_once_per_period():
    probe = {"periodSeconds": 2, "failureThreshold": 3}
    verdicts, times = await play(probe, True, *[False] * 5, True, True)
    assert times == [0, 0.5, 1, 1.5, 2, 2.5, 4.5]
    assert verdicts == [None, None, True, True]
