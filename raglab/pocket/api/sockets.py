"""WebSockets that carry the streams of pods: which protocols, and what is refused before the upgrade."""

from __future__ import annotations

from aiohttp import WSCloseCode, web

from raglab.pocket.api import containers
from raglab.pocket.api.context import Call
from raglab.pocket.channels import LONGEST_MESSAGE
from raglab.pocket.client import Object
from raglab.pocket.errors import bad_request, not_implemented
from raglab.pocket.streams import NodeStreams


def node_of(call: Call) -> tuple[NodeStreams, Object]:
    """Who runs the pod that a request is about, and the pod."""
    target, streams = call.target, call.server.streams
    if streams is None:
        raise not_implemented("this API server runs without a node, so nothing runs in this pod")
    pod = call.server.registry.get(target.kind, target.namespace, target.name)
    return streams, pod


def make(call: Call, pod: Object, protocols: tuple[str, ...]) -> web.WebSocketResponse:
    """The socket to be, not upgraded yet: until then the client can be refused with a Status."""
    if not containers.is_placed(pod):
        raise bad_request(f"pod {call.target.name} does not have a host assigned")
    socket = web.WebSocketResponse(protocols=protocols, compress=False, max_msg_size=LONGEST_MESSAGE)
    if not socket.can_prepare(call.request).ok:
        text = "this server has streams over WebSockets only, as kubectl asks for them since version 1.31"
        raise bad_request(f"Upgrade request required: {text}")
    return socket


async def upgrade(call: Call, socket: web.WebSocketResponse) -> bool:
    """Answer the handshake; False, and the socket is closed, if client and server have no protocol in common."""
    await socket.prepare(call.request)
    if socket.ws_protocol is None:
        await socket.close(code=WSCloseCode.PROTOCOL_ERROR, message=b"no channel protocol in common")
    return socket.ws_protocol is not None
