"""``…/pods/NAME/exec`` and ``…/attach``: a program beside the container's own, or that one, over a WebSocket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import web

from raglab.pocket import channels
from raglab.pocket.api import containers, parameters, sockets
from raglab.pocket.api.context import Call
from raglab.pocket.errors import StatusError, bad_request
from raglab.pocket.streams import ExecSession


async def execute(call: Call) -> web.StreamResponse:
    """Run one command. What can be refused is refused before the upgrade, so that the client sees a Status."""
    streams, pod = sockets.node_of(call)
    query = call.request.query
    container, command = containers.choose(pod, query.get("container", "")), query.getall("command", [])
    if not command:
        raise bad_request("you must specify at least one command for the container")
    socket = sockets.make(call, pod, channels.PROTOCOLS)
    where = (call.target.namespace, call.target.name, container)
    stdin, tty = parameters.boolean(query, "stdin"), parameters.boolean(query, "tty")
    return await _serve(call, socket, lambda: streams.exec(*where, command, stdin=stdin, tty=tty))


async def attach(call: Call) -> web.StreamResponse:
    """Join the container's own program."""
    streams, pod = sockets.node_of(call)
    query = call.request.query
    container = containers.choose(pod, query.get("container", ""))
    socket = sockets.make(call, pod, channels.PROTOCOLS)

    where, stdin = (call.target.namespace, call.target.name, container), parameters.boolean(query, "stdin")
    return await _serve(call, socket, lambda: streams.attach(*where, stdin=stdin))


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
            await channels.converse(socket, session)
    finally:
        await session.close()
    return socket


async def _report(call: Call, socket: web.WebSocketResponse, error: StatusError) -> web.StreamResponse:
    """A command that could not be started is told like one that failed: before the upgrade clients would try again."""
    await socket.prepare(call.request)
    await socket.send_bytes(bytes([channels.STDOUT]))
    await channels.report(socket, error)
    return socket
