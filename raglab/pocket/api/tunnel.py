"""What ``kubectl port-forward`` puts into its tunnel: a pair of SPDY streams for each connection.

The client opens a stream for errors, then one for data, both with the port and the same request id. The data stream
carries the connection, either direction of which may end first. What cannot be connected is told on the other one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial

from raglab.pocket.api import spdy
from raglab.pocket.api.forwarding import Connect, Forward, Send, explain
from raglab.pocket.api.spdy import Frame, Framing


class Tunnel:
    """The pod's end. `send` takes bytes for the client; it may wait, and may be called by several tasks."""

    def __init__(self, send: Send, connect: Connect) -> None:
        self._send, self._connect = send, connect
        self._framing = Framing()
        self._errors: dict[str, int] = {}
        """Streams for errors that wait for their data stream, by request id."""
        self._forwards: dict[int, Forward] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    async def run(self, pieces: AsyncIterator[bytes]) -> None:
        """Serve until the client has gone, or sends what is no SPDY; then every connection ends."""
        try:
            async for piece in pieces:
                for frame in self._framing.feed(piece):
                    await self._handle(frame)
        except spdy.ProtocolError:
            pass
        finally:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _handle(self, frame: Frame) -> None:
        match frame.kind:
            case spdy.SYN_STREAM:
                await self._open(frame.stream, frame.headers)
            case spdy.DATA if forward := self._forwards.get(frame.stream):
                await forward.feed(frame.data)
                if frame.last:
                    await forward.finish()
            case spdy.RST_STREAM if task := self._tasks.get(frame.stream):
                task.cancel()
            case spdy.PING:
                await self._send(spdy.pong(frame))

    async def _open(self, stream: int, headers: dict[str, str]) -> None:
        port, request = headers.get("port", ""), headers.get("requestid", "")
        match headers.get("streamtype"), port.isascii() and port.isdigit() and 0 < int(port) < 1 << 16:
            case "error", True:
                self._errors[request] = stream
            case "data", True if request in self._errors:
                self._begin(stream, self._errors.pop(request), Forward(int(port)))
            case _:
                return await self._send(spdy.reset(stream, spdy.PROTOCOL_ERROR))
        await self._send(self._framing.reply(stream))

    def _begin(self, stream: int, errors: int, forward: Forward) -> None:
        self._forwards[stream] = forward
        task = self._tasks[stream] = asyncio.create_task(self._forward(stream, errors, forward))
        task.add_done_callback(partial(self._forget, stream))

    def _forget(self, stream: int, task: asyncio.Task[None]) -> None:
        del self._forwards[stream], self._tasks[stream]

    async def _forward(self, stream: int, errors: int, forward: Forward) -> None:
        async def send(data: bytes) -> None:
            await self._send(spdy.data(stream, data))

        async def done() -> None:
            await self._send(spdy.data(stream, b"", last=True) + spdy.data(errors, b"", last=True))

        if why := await explain(forward.run(self._connect, send, done)):
            await self._send(spdy.data(stream, b"", last=True) + spdy.data(errors, why.encode(), last=True))
