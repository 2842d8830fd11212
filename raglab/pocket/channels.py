"""A program's streams in a WebSocket: what clients and the API say to each other, and the API to nodes elsewhere.

Every message is binary and starts with the number of its channel: 0 standard input, 1 standard output, 2 standard
error, 3 the outcome as a Status, 4 a new terminal size, and, since version 5 of the protocol, 255 followed by the
number of a channel that ends (how a client says that its input is over).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from raglab.pocket.errors import StatusError
from raglab.pocket.streams import ExecSession

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, OUTCOME, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
PIECE = 32 * 1024
"""Bytes per message: what kubectl itself reads at a time."""
LONGEST_MESSAGE = 4 * 1024 * 1024
GONE = 137
"""The exit code of a program whose node was lost, as of one that was killed."""
Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def messages(socket: Socket) -> AsyncIterator[bytes]:
    """What the other side sends, until it goes."""
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            yield message.data
        elif message.type is WSMsgType.TEXT:
            yield message.data.encode()


async def report(socket: web.WebSocketResponse, error: StatusError) -> None:
    """Tell of a program that could not be started, and close."""
    await socket.send_bytes(bytes([OUTCOME]) + orjson.dumps(error.to_status()))
    await socket.close()


async def converse(socket: web.WebSocketResponse, session: ExecSession) -> None:
    """Carry bytes both ways until the program has ended or the client has gone."""
    await socket.send_bytes(bytes([STDOUT]))
    incoming = asyncio.create_task(_receive(socket, session))
    outgoing = asyncio.create_task(_send(socket, session))
    try:
        await asyncio.wait({incoming, outgoing}, return_when=asyncio.FIRST_COMPLETED)
        if outgoing.done():
            outgoing.result()
            await socket.close()
        elif incoming.exception():
            await socket.close(code=WSCloseCode.INVALID_TEXT, message=b"unreadable message")
    except ConnectionError:
        return  # the client has gone; the caller ends the program
    finally:
        for task in (incoming, outgoing):
            task.cancel()
        await asyncio.gather(incoming, outgoing, return_exceptions=True)


async def _receive(socket: web.WebSocketResponse, session: ExecSession) -> None:
    async for message in messages(socket):
        channel, content = message[:1], message[1:]
        if channel == bytes([STDIN]):
            await session.write(content)
        elif channel == bytes([RESIZE]):
            _resize(session, content)
        elif message == bytes([CLOSE, STDIN]):
            await session.close_stdin()


def _resize(session: ExecSession, content: bytes) -> None:
    size = orjson.loads(content)
    session.resize(int(size["Width"]), int(size["Height"]))


async def _send(socket: web.WebSocketResponse, session: ExecSession) -> None:
    async for channel, data in session.output():
        for start in range(0, len(data), PIECE):
            await socket.send_bytes(bytes([channel]) + data[start : start + PIECE])
    await socket.send_bytes(bytes([OUTCOME]) + orjson.dumps(outcome(await session.wait())))


def outcome(code: int) -> dict[str, Any]:
    """The Status that ends a command; clients take the exit code from its cause."""
    if code == 0:
        return {"metadata": {}, "status": "Success"}
    text = f"command terminated with exit code {code}"
    return {
        "metadata": {},
        "status": "Failure",
        "message": f"command terminated with non-zero exit code: {text}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


class RemoteSession(ExecSession):
    """The other end of `converse`: a program on another node, behind `socket`. Await `begin` first."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._messages = socket, messages(socket)
        self._code = GONE
        self._resizing: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Wait for the program's start; raises the `StatusError` that prevented it."""
        first = await anext(self._messages, b"")
        if first[:1] == bytes([OUTCOME]):
            told = orjson.loads(first[1:])
            raise StatusError(told["code"], told.get("reason", ""), told["message"], told.get("details"))

    async def write(self, data: bytes) -> None:
        await self._socket.send_bytes(bytes([STDIN]) + data)

    async def close_stdin(self) -> None:
        await self._socket.send_bytes(bytes([CLOSE, STDIN]))

    def resize(self, width: int, height: int) -> None:
        size = orjson.dumps({"Width": width, "Height": height})
        self._resizing = asyncio.create_task(self._socket.send_bytes(bytes([RESIZE]) + size))

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        async for message in self._messages:
            if message[0] == OUTCOME:
                self._code = _code(orjson.loads(message[1:]))
                return
            yield message[0], message[1:]

    async def wait(self) -> int:
        return self._code

    async def close(self) -> None:
        await self._socket.close()


def _code(status: dict[str, Any]) -> int:
    """The exit code that an `outcome` carries."""
    causes = (status.get("details") or {}).get("causes") or ()
    found = (int(cause["message"]) for cause in causes if cause["reason"] == "ExitCode")
    return 0 if status["status"] == "Success" else next(found, GONE)
