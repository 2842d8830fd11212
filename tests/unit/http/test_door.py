"""Clients that are many, slow or stay for ever leave room for others."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from raglab.pocket.api import app, negotiate
from raglab.pocket.api.door import Door

HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
MOST = 4
LIMIT = 10.0


@pytest.fixture
async def served():
    """A server with room for four, whose requests to /slow are answered when `go` is set; its port."""
    go = asyncio.Event()

    async def answer(request: web.BaseRequest) -> web.Response:
        if request.path == "/slow":
            await go.wait()
        return web.Response(text="hello")

    server = web.Server(answer)
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(Door(server, most=MOST, patience=0.3), "127.0.0.1", 0)
    yield listening.sockets[0].getsockname()[1], go
    go.set()
    listening.close()
    await server.shutdown(1)


async def ask(port: int, text: bytes = HEAD):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(text)
    return reader, writer


async def says(reader: asyncio.StreamReader) -> bytes:
    return await asyncio.wait_for(reader.read(1000), LIMIT)


async def test_a_head_that_does_not_come_ends_its_connection(served):
    port, _ = served
    slow, _ = await ask(port, HEAD[:20])
    silent, _ = await ask(port, b"")
    quick, _ = await ask(port)
    assert b"hello" in await says(quick), "others are answered meanwhile"
    assert await says(slow) == b"" and await says(silent) == b""


async def test_idle_connections_make_room(served):
    port, _ = served
    kept = [await ask(port) for _ in range(MOST)]
    for reader, _ in kept:
        assert b"hello" in await says(reader)
    more, _ = await ask(port)
    assert b"hello" in await says(more)
    assert await says(kept[0][0]) == b"", "the oldest has gone"
    kept[1][1].write(HEAD)
    assert b"hello" in await says(kept[1][0]), "the others have not"


async def test_busy_connections_are_left_alone(served):
    port, go = served
    busy = [await ask(port, HEAD.replace(b"/ ", b"/slow ")) for _ in range(MOST)]
    await asyncio.sleep(0.1)
    more, _ = await ask(port)
    assert await says(more) == b"", "there is no room"
    go.set()
    for reader, _ in busy:
        assert b"hello" in await says(reader)


async def test_watches_are_counted(api, monkeypatch):
    monkeypatch.setattr(app, "MOST_STREAMS", 2)
    path = "/api/v1/namespaces/default/configmaps?watch=1"
    async with api.client.get(path) as one, api.client.get(path) as two:
        assert (one.status, two.status) == (200, 200)
        error = await api.call("GET", path, 429)
        assert (error["reason"], error["details"]["retryAfterSeconds"]) == ("TooManyRequests", 1)
        await api.call("GET", path.partition("?")[0])
    for _ in range(100):
        async with api.client.get(f"{path}&timeoutSeconds=0") as answer:
            if answer.status == 200:
                return
        await asyncio.sleep(0.05)
    pytest.fail("watches that have ended still count")


async def test_a_body_that_does_not_come(api, monkeypatch):
    monkeypatch.setattr(negotiate, "PATIENCE", 0.1)

    async def slow():
        yield b'{"metadata":'
        await asyncio.sleep(LIMIT)

    async with api.client.post("/api/v1/namespaces/default/configmaps", data=slow()) as answer:
        told = await answer.json()
    assert (answer.status, told["reason"]) == (504, "Timeout")
