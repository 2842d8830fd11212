"""``…/pods/NAME/portforward``: connections to ports of a pod, through the API server.

kubectl tunnels SPDY through a WebSocket (see `tunnel`). The Python client names its ports in the query and has two
channels of a WebSocket for each: an even one for data and the odd one after it for errors. Both begin with the
number of the port, so that the client knows which is which. There is one connection per port, made at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial

from aiohttp import web

from raglab.pocket import channels
from raglab.pocket.api import sockets
from raglab.pocket.api.context import Call
from raglab.pocket.api.forwarding import Connect, Forward, explain
from raglab.pocket.api.tunnel import Tunnel
from raglab.pocket.errors import bad_request
from raglab.pocket.streams import Connection, NodeStreams, Refused

TUNNEL, CHANNELS = "SPDY/3.1+portforward.k8s.io", "v4.channel.k8s.io"
MOST_PORTS = 127
"""A port needs two channels, and a channel's number is one byte."""


async def serve(call: Call) -> web.StreamResponse:
    """Forward until the client goes. What can be refused is refused before the upgrade."""
    streams, pod = sockets.node_of(call)
    socket = sockets.make(call, pod, (TUNNEL, CHANNELS))
    connect = partial(_connect, streams, pod["metadata"])
    if TUNNEL in call.request.headers.get("Sec-WebSocket-Protocol", ""):
        if await sockets.upgrade(call, socket):
            await Tunnel(socket.send_bytes, connect).run(channels.messages(socket))
    else:
        ports = _ports(call.request.query.getall("ports", []))
        if await sockets.upgrade(call, socket):
            await _channels(socket, ports, connect)
    await socket.close()
    return socket


async def _connect(streams: NodeStreams, meta: Mapping[str, str], port: int) -> Connection:
    try:
        return await streams.connect(meta["uid"], port)
    except Refused as error:
        pod = f"{meta['namespace']}/{meta['name']}"
        raise Refused(f"error forwarding port {port} to pod {pod}, uid : {error}") from None


def _ports(values: list[str]) -> list[int]:
    found = [text for value in values for text in value.split(",")]
    if not 0 < len(found) <= MOST_PORTS:
        raise bad_request(f'query parameter "ports" must name 1 to {MOST_PORTS} ports')
    for text in found:
        if not text.isascii() or not text.isdigit() or not 0 < int(text) < 1 << 16:
            raise bad_request(f'query parameter "ports": "{text}" is not a port')
    return [int(text) for text in found]


async def _channels(socket: web.WebSocketResponse, ports: list[int], connect: Connect) -> None:
    """Over when every connection has ended, or when the client goes."""
    forwards = {2 * index: Forward(port) for index, port in enumerate(ports)}
    carrying = [asyncio.create_task(_carry(socket, *item, connect)) for item in forwards.items()]
    receiving = asyncio.create_task(_receive(socket, forwards))
    receiving.add_done_callback(lambda _: [task.cancel() for task in carrying])
    try:
        await asyncio.wait(carrying)
    finally:
        receiving.cancel()
        await asyncio.gather(receiving, *carrying, return_exceptions=True)


async def _carry(socket: web.WebSocketResponse, channel: int, forward: Forward, connect: Connect) -> None:
    for number in (channel, channel + 1):
        await socket.send_bytes(bytes([number]) + forward.port.to_bytes(2, "little"))

    async def send(data: bytes) -> None:
        await socket.send_bytes(bytes([channel]) + data)

    if why := await explain(forward.run(connect, send, forward.finish)):
        await socket.send_bytes(bytes([channel + 1]) + why.encode())


async def _receive(socket: web.WebSocketResponse, forwards: Mapping[int, Forward]) -> None:
    async for message in channels.messages(socket):
        if message and (forward := forwards.get(message[0])):
            await forward.feed(message[1:])
