"""``…/pods/NAME/exec`` and ``…/attach``: a program beside the container's own, or that one, over a WebSocket.

Every message is binary and starts with the number of its channel: 0 standard input, 1 standard output, 2 standard
error, 3 the outcome as a Status, 4 a new terminal size, and, since version 5 of the protocol, 255 followed by the
number of a channel that ends (how a client says that its input is over).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import WSCloseCode, web

from raglab.pocket.api import containers, parameters, sockets
from raglab.pocket.api.context import Call
from raglab.pocket.errors import StatusError, bad_request
from raglab.pocket.streams import ExecSession

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, OUTCOME, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255


async def execute(call: Call) -> web.StreamResponse:
    """Run one command. What can be refused is refused before the upgrade, so that the client sees a Status."""
    streams, pod = sockets.node_of(call)
    query = call.request.query
    container, command = containers.choose(pod, query.get("container", "")), query.getall("command", [])
    if not command:
        raise bad_request("you must specify at least one command for the container")
    socket = sockets.make(call, pod, PROTOCOLS)
    where = (call.target.namespace, call.target.name, container)
    stdin, tty = parameters.boolean(query, "stdin"), parameters.boolean(query, "tty")
    return await _serve(call, socket, lambda: streams.exec(*where, command, stdin=stdin, tty=tty))


async def attach(call: Call) -> web.StreamResponse:
    """Join the container's own program."""
    streams, pod = sockets.node_of(call)
    query = call.request.query
    container = containers.choose(pod, query.get("container", ""))
    socket = sockets.make(call, pod, PROTOCOLS)

    async def open_session() -> ExecSession:
        name, stdin = call.target.name, parameters.boolean(query, "stdin")
        return streams.attach(call.target.namespace, name, container, stdin=stdin)

    return await _serve(call, socket, open_session)


async def _serve(
    call: Call, socket: web.WebSocketResponse, open_session: Callable[[], Awaitable[ExecSession]]
) -> web.StreamResponse:
    try:
        session = await open_session()
    except StatusError as error:
        if error.reason != "InternalError":
            raise
        return await _report(call, socket, error)
    try:
        if await sockets.upgrade(call, socket):
            await socket.send_bytes(bytes([STDOUT]))
            await _converse(socket, session)
    finally:
        await session.close()
    return socket


async def _report(call: Call, socket: web.WebSocketResponse, error: StatusError) -> web.StreamResponse:
    """A command that could not be started is told like one that failed: before the upgrade clients would try again."""
    await socket.prepare(call.request)
    await socket.send_bytes(bytes([STDOUT]))
    await socket.send_bytes(bytes([OUTCOME]) + orjson.dumps(error.to_status()))
    await socket.close()
    return socket


async def _converse(socket: web.WebSocketResponse, session: ExecSession) -> None:
    """Carry bytes both ways until the program has ended or the client has gone."""
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
    async for message in sockets.messages(socket):
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
        for start in range(0, len(data), sockets.PIECE):
            await socket.send_bytes(bytes([channel]) + data[start : start + sockets.PIECE])
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
