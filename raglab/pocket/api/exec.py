"""``…/pods/NAME/exec``: a program beside the container's own, over a WebSocket.

Every message is binary and starts with the number of its channel: 0 standard input, 1 standard output, 2 standard
error, 3 the outcome as a Status, 4 a new terminal size, and, since version 5 of the protocol, 255 followed by the
number of a channel that ends (how a client says that its input is over).
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from aiohttp import WSCloseCode, WSMsgType, web

from raglab.pocket.api import containers, parameters
from raglab.pocket.api.context import Call
from raglab.pocket.errors import StatusError, bad_request, not_implemented
from raglab.pocket.streams import ExecSession

PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
STDIN, STDOUT, STDERR, OUTCOME, RESIZE, CLOSE = 0, 1, 2, 3, 4, 255
PIECE = 32 * 1024
"""Bytes per message: what kubectl itself reads at a time."""
LONGEST_MESSAGE = 4 * 1024 * 1024


async def serve(call: Call) -> web.StreamResponse:
    """Run one command. What can be refused is refused before the upgrade, so that the client sees a Status."""
    target, server, query = call.target, call.server, call.request.query
    if server.streams is None:
        raise not_implemented("this API server runs without a node, so no command can be run")
    pod = server.registry.get(target.kind, target.namespace, target.name)
    container = containers.choose(pod, query.get("container", ""))
    command = query.getall("command", [])
    if not command:
        raise bad_request("you must specify at least one command for the container")
    if not containers.is_placed(pod):
        raise bad_request(f"pod {target.name} does not have a host assigned")
    socket = web.WebSocketResponse(protocols=PROTOCOLS, compress=False, max_msg_size=LONGEST_MESSAGE)
    if not socket.can_prepare(call.request).ok:
        raise bad_request("Upgrade request required: this server runs commands over WebSockets only")
    stdin, tty = parameters.boolean(query, "stdin"), parameters.boolean(query, "tty")
    where = (target.namespace, target.name, container)
    try:
        session = await server.streams.exec(*where, command, stdin=stdin, tty=tty)
    except StatusError as error:
        if error.reason != "InternalError":
            raise
        return await _report(call, socket, error)
    try:
        await socket.prepare(call.request)
        if socket.ws_protocol is None:
            await socket.close(code=1002, message=b"no channel protocol in common")
            return socket
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
    async for message in socket:
        data = message.data.encode() if message.type is WSMsgType.TEXT else message.data
        if not isinstance(data, bytes) or not data:
            continue
        channel, content = data[0], data[1:]
        if channel == STDIN:
            await session.write(content)
        elif channel == RESIZE:
            _resize(session, content)
        elif channel == CLOSE and content == bytes([STDIN]):
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
