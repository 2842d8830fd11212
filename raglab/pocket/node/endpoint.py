"""The node's own HTTPS endpoint, as a kubelet has one: for API servers in other processes.

They prove by a client certificate of the cluster's authority that they are what they say; nobody else is answered.
Paths are a kubelet's: ``/containerLogs/NAMESPACE/POD/CONTAINER``, the same with ``exec`` and ``attach``, and pages such
as ``/metrics/resource``. Programs are reached by WebSockets only: a real API server, which speaks SPDY, is refused.
"""

from __future__ import annotations

import ssl
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from raglab.pocket import channels, pki
from raglab.pocket.errors import StatusError, bad_request, forbidden
from raglab.pocket.streams import ExecSession, LogOptions, NodeStreams

CALLERS = frozenset({"kube-apiserver-kubelet-client"})
"""Names in the certificates that API servers show to kubelets (kubeadm's, and so minikube's and kind's)."""


class Endpoint:
    """Serves `streams` of the node `name` on `host`; its own certificate lies in `folder`."""

    def __init__(self, name: str, host: str, folder: Path, authority: str) -> None:
        """`authority` is the certificate (PEM) that signs those of the API servers."""
        self._name, self._host = name, host
        self._keys = pki.ensure(folder, [host, name], name)
        self._authority = authority
        self._streams: NodeStreams | None = None
        app = web.Application(middlewares=[_refusals, _only_api_servers])
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._logs)
        app.router.add_get("/exec/{namespace}/{pod}/{container}", self._exec)
        app.router.add_get("/attach/{namespace}/{pod}/{container}", self._attach)
        app.router.add_get("/{path:.+}", self._page)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)

    async def start(self) -> int:
        """Listen; returns the port. Answers once `serve` has told what."""
        await self._runner.setup()
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        if self._authority:  # nobody is believed without one
            trust.load_verify_locations(cadata=self._authority)
        trust.load_cert_chain(self._keys.folder / "server.crt", self._keys.folder / "server.key")
        trust.verify_mode = ssl.CERT_REQUIRED
        await web.TCPSite(self._runner, self._host, 0, ssl_context=trust).start()
        port: int = self._runner.addresses[0][1]
        return port

    def serve(self, streams: NodeStreams) -> None:
        """From now on answer with these."""
        self._streams = streams

    async def close(self) -> None:
        """Listen no longer."""
        await self._runner.cleanup()

    @property
    def _node(self) -> NodeStreams:
        if self._streams is None:
            raise StatusError(503, "ServiceUnavailable", "the node is starting")
        return self._streams

    async def _logs(self, request: web.Request) -> web.StreamResponse:
        where = request.match_info
        try:
            options = LogOptions.from_query(where["container"], request.query)
        except ValueError as error:
            raise bad_request(str(error)) from error
        response: web.StreamResponse | None = None
        async for piece in self._node.logs(where["namespace"], where["pod"], options):
            if response is None:
                response = await _begin(request)
            await response.write(piece)
        return response or web.Response(text="")

    async def _exec(self, request: web.Request) -> web.StreamResponse:
        command, flags = request.query.getall("command", []), _flags(request)
        return await _converse(
            request, self._node.exec(*_where(request), command, stdin=flags["input"], tty=flags["tty"])
        )

    async def _attach(self, request: web.Request) -> web.StreamResponse:
        stdin = _flags(request)["input"]
        return await _converse(request, self._node.attach(*_where(request), stdin=stdin))

    async def _page(self, request: web.Request) -> web.Response:
        found = await self._node.page(self._name, request.match_info["path"].strip("/"))
        if found is None:
            raise web.HTTPNotFound(text="404 page not found\n")
        return web.Response(text=found.text, headers={"Content-Type": found.content_type})


def _where(request: web.Request) -> tuple[str, str, str]:
    place = request.match_info
    return place["namespace"], place["pod"], place["container"]


def _flags(request: web.Request) -> dict[str, bool]:
    return {name: request.query.get(name) in ("1", "true") for name in ("input", "tty")}


async def _converse(request: web.Request, opening: Awaitable[ExecSession]) -> web.StreamResponse:
    """Start a program and carry its streams. One that cannot be started is told in the socket."""
    socket = web.WebSocketResponse(
        protocols=channels.PROTOCOLS, compress=False, max_msg_size=channels.LONGEST_MESSAGE
    )
    await socket.prepare(request)
    try:
        session = await opening
    except StatusError as error:
        await channels.report(socket, error)
        return socket
    try:
        await channels.converse(socket, session)
    finally:
        await session.close()
    return socket


async def _begin(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Type": "text/plain"})
    response.enable_chunked_encoding()
    await response.prepare(request)
    return response


@web.middleware
async def _refusals(request: web.Request, handler: Any) -> web.StreamResponse:
    try:
        answer: web.StreamResponse = await handler(request)
        return answer
    except StatusError as error:
        body = orjson.dumps(error.to_status())
        return web.Response(body=body, status=error.code, content_type="application/json")


@web.middleware
async def _only_api_servers(request: web.Request, handler: Any) -> web.StreamResponse:
    shown: Mapping[str, Any] = (
        request.transport.get_extra_info("peercert") if request.transport else None
    ) or {}
    names = {value for part in shown.get("subject", ()) for key, value in part if key == "commonName"}
    if names.isdisjoint(CALLERS):
        raise forbidden("this node answers API servers only")
    answer: web.StreamResponse = await handler(request)
    return answer
