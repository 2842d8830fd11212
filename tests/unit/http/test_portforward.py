"""Ports of pods through the API server, in both of the forms that clients speak."""

from __future__ import annotations

import asyncio
import struct
import zlib

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError

from raglab.pocket.api import spdy
from raglab.pocket.api.spdy import DATA, RST_STREAM, SYN_REPLY, Frame, Framing

PORTS = "/api/v1/namespaces/default/pods/p/portforward"
TUNNEL, CHANNELS = "SPDY/3.1+portforward.k8s.io", "v4.channel.k8s.io"
REFUSED = "error forwarding port 9 to pod default/p, uid : failed to connect to localhost:9 inside namespace"


class Client:
    """kubectl's end of a tunnel in a WebSocket."""

    def __init__(self, socket) -> None:
        self.socket, self._framing = socket, Framing()
        self._deflate = zlib.compressobj(zdict=spdy.DICTIONARY)
        self._said: dict[int, bytes] = {}
        self._ended: set[int] = set()

    async def open(self, stream: int, kind: str, port: int, request: str = "0") -> None:
        """Open a stream."""
        words = [("streamtype", kind), ("port", str(port)), ("requestid", request)]
        text = struct.pack("!I", len(words))
        text += b"".join(struct.pack("!I", len(word)) + word.encode() for pair in words for word in pair)
        block = self._deflate.compress(text) + self._deflate.flush(zlib.Z_SYNC_FLUSH)
        body = struct.pack("!IIH", stream, 0, 0) + block
        await self.socket.send_bytes(struct.pack("!HHI", 0x8003, spdy.SYN_STREAM, len(body)) + body)

    async def connect(self, errors: int, stream: int, port: int, request: str) -> None:
        """Open a pair of streams, as kubectl does for each connection."""
        await self.open(errors, "error", port, request)
        await self.socket.send_bytes(spdy.data(errors, b"", last=True))
        await self.open(stream, "data", port, request)

    async def say(self, stream: int, data: bytes, *, last: bool = False) -> None:
        for at in range(0, len(data), 5) or [0]:  # frames know nothing of messages
            frame = spdy.data(stream, data[at : at + 5], last=last and at + 5 >= len(data))
            await self.socket.send_bytes(frame[:3])
            await self.socket.send_bytes(frame[3:])

    async def hear(self, count: int) -> list[Frame]:
        """As many frames of the server."""
        heard: list[Frame] = []
        while len(heard) < count:
            heard += self._framing.feed(await self.socket.receive_bytes(timeout=10))
        return heard

    async def text(self, stream: int) -> bytes:
        """What has come on a stream once it has ended."""
        while stream not in self._ended:
            for frame in await self.hear(1):
                if frame.kind == DATA:
                    self._said[frame.stream] = self._said.get(frame.stream, b"") + frame.data
                    self._ended |= {frame.stream} if frame.last else set()
        return self._said[stream]


@pytest.fixture
async def tunnel(api):
    api.pod()
    async with api.client.ws_connect(PORTS, protocols=(TUNNEL,)) as socket:
        assert socket.protocol == TUNNEL
        yield Client(socket)


async def test_a_connection_through_the_tunnel(api, tunnel):
    await tunnel.connect(1, 3, 8005, "0")
    await tunnel.say(3, b"hello", last=True)
    heard = [(frame.kind, frame.stream) for frame in await tunnel.hear(3)]
    assert heard == [(SYN_REPLY, 1), (SYN_REPLY, 3), (DATA, 3)]
    uid = api.registry.get(api.registry.kinds.plural("pods"), "default", "p")["metadata"]["uid"]
    assert api.streams.connected == [(uid, 8005)]


async def test_connections_do_not_mix_and_end_one_by_one(tunnel):
    await tunnel.connect(1, 3, 8005, "0")
    await tunnel.connect(5, 7, 8005, "1")
    await tunnel.say(3, b"first")
    await tunnel.say(7, b"second connection", last=True)
    assert await tunnel.text(7) == b"second connection"
    await tunnel.say(3, b" of two", last=True)
    assert await tunnel.text(3) == b"first of two"


async def test_a_refused_connection_is_told_and_the_tunnel_goes_on(tunnel):
    await tunnel.connect(1, 3, 9, "0")
    await tunnel.say(3, bytes(1000))
    assert (await tunnel.text(1)).decode() == REFUSED
    await tunnel.connect(5, 7, 8005, "1")
    await tunnel.say(7, b"x", last=True)
    assert await tunnel.text(7) == b"x"


@pytest.mark.parametrize(("kind", "port"), [("data", 80), ("error", 0), ("error", 70000), ("other", 80)])
async def test_streams_that_make_no_sense_are_reset(tunnel, kind, port):
    await tunnel.open(1, kind, port)
    (frame,) = await tunnel.hear(1)
    assert (frame.kind, frame.stream) == (RST_STREAM, 1)


async def test_a_reset_ends_the_pods_connection(api, tunnel):
    await tunnel.connect(1, 3, 8005, "0")
    await tunnel.say(3, b"hello")
    await tunnel.hear(3)
    await tunnel.socket.send_bytes(spdy.reset(3, 5))
    await asyncio.wait_for(api.streams.hung_up.wait(), 10)


async def test_what_is_no_spdy_ends_the_tunnel(tunnel):
    await tunnel.socket.send_bytes(b"GET / HTTP/1.1\r\n\r\n")
    assert (await tunnel.socket.receive(timeout=10)).type is WSMsgType.CLOSE


async def test_the_python_clients_channels(api):
    api.pod()
    async with api.client.ws_connect(
        f"{PORTS}?ports=8081,9", protocols=("v5.channel.k8s.io", CHANNELS)
    ) as socket:
        assert socket.protocol == CHANNELS
        heard = [await socket.receive_bytes(timeout=10) for _ in range(5)]
        assert {bytes([n]) + port.to_bytes(2, "little") for n, port in enumerate((8081, 8081, 9, 9))} < set(
            heard
        )
        assert b"\x03" + REFUSED.encode() in heard
        await socket.send_bytes(b"\x00hello")
        assert await socket.receive_bytes(timeout=10) == b"\x00hello"
        await socket.send_bytes(b"\x00bye")
        assert await socket.receive_bytes(timeout=10) == b"\x00bye"
        assert (await socket.receive(timeout=10)).type is WSMsgType.CLOSE, "over when the pod has ended both"
    assert socket.close_code == 1000


@pytest.mark.parametrize("query", ["", "?ports=", "?ports=0", "?ports=a", "?ports=80,", "?ports=65536"])
async def test_ports_that_are_none_are_refused_before_the_upgrade(api, query):
    api.pod()
    with pytest.raises(WSServerHandshakeError) as caught:
        await api.client.ws_connect(PORTS + query, protocols=(CHANNELS,))
    assert caught.value.status == 400


async def test_no_protocol_in_common(api):
    api.pod()
    async with api.client.ws_connect(f"{PORTS}?ports=80", protocols=("other",)) as socket:
        assert (await socket.receive(timeout=10)).type is WSMsgType.CLOSE
    assert socket.close_code == 1002
