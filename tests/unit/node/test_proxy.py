"""The Service proxy over real sockets: balancing, affinity, half-close, back-pressure, refusals, changes."""

import asyncio
import os
import socket

import pytest

from raglab.pocket.node.hosts import SERVICE_LABEL
from raglab.pocket.node.proxy import ServiceProxy, endpoints_of

BLOCK = os.getpid() % 200 + 20
"""Tests that run at the same time use different addresses."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def service(ip: str, port: int, *, node_port: int = 0, **spec: object) -> dict:
    ports = [{"name": "http", "port": port, **({"nodePort": node_port} if node_port else {})}]
    return {
        "metadata": {"name": "web", "namespace": "shop", "uid": "u"},
        "spec": {"clusterIP": ip, "ports": ports, **spec},
    }


def piece(port: int, *addresses: str, ready: bool = True) -> dict:
    meta = {"name": "web-1", "namespace": "shop", "labels": {SERVICE_LABEL: "web"}}
    endpoints = [{"addresses": [address], "conditions": {"ready": ready}} for address in addresses]
    return {"metadata": meta, "endpoints": endpoints, "ports": [{"name": "http", "port": port}]}


class Backend:
    """Answers each connection with its own address after the client has said everything, then echoes what it got."""

    def __init__(self, address: str, port: int) -> None:
        self.address, self.port, self.accepted = address, port, 0

    async def __aenter__(self) -> "Backend":
        self._server = await asyncio.start_server(self._answer, self.address, self.port)
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        data = await reader.read()
        writer.write(f"{self.address} ".encode() + data)
        await writer.drain()
        writer.close()


@pytest.fixture
async def proxy():
    warnings: list[tuple] = []
    running = ServiceProxy("127.0.0.1", lambda *warning: warnings.append(warning))
    running.warnings = warnings
    yield running
    await running.close()


async def ask(address: str, port: int, data: bytes = b"hi") -> bytes:
    reader, writer = await asyncio.open_connection(address, port)
    writer.write(data)
    writer.write_eof()
    try:
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


async def test_connections_reach_all_ready_endpoints(proxy: ServiceProxy):
    port, cluster_ip = free_port(), f"127.96.{BLOCK}.1"
    async with Backend(f"127.10.{BLOCK}.1", port) as one, Backend(f"127.10.{BLOCK}.2", port) as two:
        await proxy.update([service(cluster_ip, port)], [piece(port, one.address, two.address)])
        answers = {(await ask(cluster_ip, port)).decode() for _ in range(40)}
    assert answers == {f"{one.address} hi", f"{two.address} hi"}


async def test_a_node_port_is_served_on_the_nodes_address(proxy: ServiceProxy):
    port, node_port = free_port(), free_port()
    async with Backend(f"127.10.{BLOCK}.1", port) as one:
        await proxy.update(
            [service(f"127.96.{BLOCK}.1", port, node_port=node_port)], [piece(port, one.address)]
        )
        assert await ask("127.0.0.1", node_port) == f"{one.address} hi".encode()


async def test_session_affinity_keeps_a_client_with_its_endpoint(proxy: ServiceProxy):
    port, cluster_ip = free_port(), f"127.96.{BLOCK}.1"
    async with Backend(f"127.10.{BLOCK}.1", port) as one, Backend(f"127.10.{BLOCK}.2", port) as two:
        sticky = service(cluster_ip, port, sessionAffinity="ClientIP")
        await proxy.update([sticky], [piece(port, one.address, two.address)])
        assert len({await ask(cluster_ip, port) for _ in range(20)}) == 1


async def test_endpoints_may_change_while_listening(proxy: ServiceProxy):
    port, cluster_ip = free_port(), f"127.96.{BLOCK}.1"
    async with Backend(f"127.10.{BLOCK}.1", port) as one, Backend(f"127.10.{BLOCK}.2", port) as two:
        await proxy.update([service(cluster_ip, port)], [piece(port, one.address)])
        assert (await ask(cluster_ip, port)).startswith(one.address.encode())
        await proxy.update([service(cluster_ip, port)], [piece(port, two.address)])
        assert (await ask(cluster_ip, port)).startswith(two.address.encode())
        await proxy.update([], [])
        with pytest.raises(ConnectionRefusedError):
            await ask(cluster_ip, port)


async def test_without_endpoints_a_connection_is_reset(proxy: ServiceProxy):
    port, cluster_ip = free_port(), f"127.96.{BLOCK}.1"
    await proxy.update([service(cluster_ip, port)], [piece(port, f"127.10.{BLOCK}.1", ready=False)])
    with pytest.raises(ConnectionResetError):
        await ask(cluster_ip, port)


async def test_an_endpoint_that_refuses_is_passed_over(proxy: ServiceProxy):
    port, cluster_ip = free_port(), f"127.96.{BLOCK}.1"
    async with Backend(f"127.10.{BLOCK}.1", port) as one:
        await proxy.update([service(cluster_ip, port)], [piece(port, one.address, f"127.10.{BLOCK}.77")])
        for _ in range(10):
            assert await ask(cluster_ip, port) == f"{one.address} hi".encode()


async def test_a_large_body_passes_whole_and_half_close_is_kept(proxy: ServiceProxy):
    port, cluster_ip = free_port(), f"127.96.{BLOCK}.1"
    body = os.urandom(20_000_000)
    async with Backend(f"127.10.{BLOCK}.1", port) as one:
        await proxy.update([service(cluster_ip, port)], [piece(port, one.address)])
        assert await ask(cluster_ip, port, body) == f"{one.address} ".encode() + body


async def test_a_slow_reader_holds_the_sender_back(proxy: ServiceProxy):
    port, cluster_ip, sent = free_port(), f"127.96.{BLOCK}.1", 0

    async def pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    server = await asyncio.start_server(pour, f"127.10.{BLOCK}.1", port)
    await proxy.update([service(cluster_ip, port)], [piece(port, f"127.10.{BLOCK}.1")])
    _, writer = await asyncio.open_connection(cluster_ip, port, limit=1024)
    before = -1
    async with asyncio.timeout(20):
        while sent != before:  # until nothing moves any more
            before = sent
            await asyncio.sleep(0.2)
    assert 0 < sent < 64_000_000, "socket buffers and not the proxy hold what nobody reads"
    writer.transport.abort()
    server.close()


async def test_a_port_that_is_taken_is_reported_once_and_served_when_free(proxy: ServiceProxy):
    port, cluster_ip = free_port(), f"127.96.{BLOCK}.1"
    async with Backend(f"127.10.{BLOCK}.1", port) as one:
        taken = await asyncio.start_server(lambda reader, writer: None, cluster_ip, port)
        for _ in range(3):
            await proxy.update([service(cluster_ip, port)], [piece(port, one.address)])
        (subject, reason, message), *more = proxy.warnings
        assert (subject["metadata"]["name"], reason, more) == ("web", "FailedToBind", [])
        assert f"port {port} on {cluster_ip}: another program of this machine uses it" in message
        taken.close()
        await taken.wait_closed()
        await proxy.update([service(cluster_ip, port)], [piece(port, one.address)])
        assert await ask(cluster_ip, port) == f"{one.address} hi".encode()


def test_terminating_endpoints_serve_only_when_there_is_no_other():
    ending = {"ready": False, "serving": True, "terminating": True}
    endpoints = [
        {"addresses": ["a"], "conditions": ending},
        {"addresses": ["b"], "conditions": {"ready": True}},
    ]
    slices = [{"ports": [{"name": "", "port": 80}], "endpoints": endpoints}]
    assert endpoints_of(slices, "") == [("b", 80)]
    slices[0]["endpoints"] = endpoints[:1]
    assert endpoints_of(slices, "") == [("a", 80)]
    assert endpoints_of(slices, "other") == []
