"""One forwarded connection: from a client's stream to a port of a pod and back, whatever carries the stream."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from raglab.pocket.streams import Connection, Refused

PIECE = 32 * 1024
"""Bytes read and sent on at a time."""
PIECES = 8
"""Pieces that wait for a pod that is slow to read; then the client has to wait."""
Connect = Callable[[int], Awaitable[Connection]]
"""Connects to a port of the pod; raises `Refused`."""
Send = Callable[[bytes], Awaitable[None]]
Done = Callable[[], Awaitable[None]]


class Forward:
    """A connection to `port`. Feed it what the client sends, and `run` it beside that."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._queue: asyncio.Queue[bytes] = asyncio.Queue(PIECES)
        self._over = False

    async def feed(self, data: bytes) -> None:
        """Bytes of the client; waits while the pod does not take them."""
        if data and not self._over:
            await self._queue.put(data)

    async def finish(self) -> None:
        """The client has said all; the pod may go on."""
        if not self._over:
            await self._queue.put(b"")

    async def run(self, connect: Connect, send: Send, done: Done) -> None:
        """Connect, `send` what the pod says, call `done` when it has said all, and return when the client has, too.

        Raises `Refused`. A connection that the pod breaks off has said all.
        """
        try:
            reader, writer = await connect(self.port)
            await self._carry(reader, writer, send, done)
        finally:
            self._over = True
            while not self._queue.empty():  # whoever waits in `feed` waits no longer
                self._queue.get_nowait()

    async def _carry(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, send: Send, done: Done
    ) -> None:
        upload = asyncio.create_task(self._upload(writer))
        try:
            with contextlib.suppress(ConnectionError):
                while data := await reader.read(PIECE):
                    await send(data)
            await done()
            await upload
        finally:
            upload.cancel()
            writer.transport.abort()

    async def _upload(self, writer: asyncio.StreamWriter) -> None:
        """Once the pod takes no more, the rest is thrown away: nobody must wait for it."""
        while data := await self._queue.get():
            if not writer.is_closing():
                with contextlib.suppress(ConnectionError):
                    writer.write(data)
                    await writer.drain()
        with contextlib.suppress(OSError):
            writer.write_eof()


async def explain(run: Awaitable[None]) -> str:
    """Why a connection could not be made; empty if it could."""
    try:
        await run
    except Refused as error:
        return str(error)
    except ConnectionError:
        pass  # the client has gone
    return ""
