"""The nodes behind the API: the one in this process is called, others are asked on their kubelet's HTTPS endpoint.

Where a kubelet listens stands in its Node's status. As with a real API server of kubeadm's making, the kubelet must
believe our client certificate while its own, self-made one is taken as it is: both are on this machine.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from functools import cached_property
from pathlib import Path

import aiohttp
import orjson
from yarl import URL

from raglab.pocket import dial
from raglab.pocket.channels import LONGEST_MESSAGE, PROTOCOLS, RemoteSession
from raglab.pocket.client import Object
from raglab.pocket.errors import StatusError, not_found
from raglab.pocket.store import Store
from raglab.pocket.streams import Connection, ExecSession, LogOptions, NodeStreams, Page

CONNECT_LIMIT, ANSWER_LIMIT = 5.0, 30.0
"""Seconds."""
ENDING = aiohttp.ClientWSTimeout(ws_close=5.0)
"""A conversation may be silent for ever; only its end has a limit."""


class Kubelets(NodeStreams):
    """All nodes; `local` is the one named `name`, `identity` the client certificate without its suffix."""

    def __init__(self, name: str, local: NodeStreams, store: Store, identity: Path) -> None:
        self._name, self._local, self._store, self._identity = name, local, store, identity

    async def close(self) -> None:
        """End all connections."""
        if "_session" in self.__dict__:
            await self._session.close()

    async def logs(self, namespace: str, pod: str, options: LogOptions) -> AsyncIterator[bytes]:
        node = self._node_of(namespace, pod)
        if node == self._name:
            async for piece in self._local.logs(namespace, pod, options):
                yield piece
            return
        limits = aiohttp.ClientTimeout(None, sock_connect=CONNECT_LIMIT)
        path = f"containerLogs/{namespace}/{pod}/{options.container}"
        async with await self._get(node, path, options.query(), limits) as answer:
            async for piece in answer.content.iter_any():
                yield piece

    async def exec(
        self, namespace: str, pod: str, container: str, command: list[str], *, stdin: bool, tty: bool
    ) -> ExecSession:
        node = self._node_of(namespace, pod)
        if node == self._name:
            return await self._local.exec(namespace, pod, container, command, stdin=stdin, tty=tty)
        query = [("command", word) for word in command] + _flags(input=stdin, tty=tty)
        return await self._converse(node, f"exec/{namespace}/{pod}/{container}", query)

    async def attach(self, namespace: str, pod: str, container: str, *, stdin: bool) -> ExecSession:
        node = self._node_of(namespace, pod)
        if node == self._name:
            return await self._local.attach(namespace, pod, container, stdin=stdin)
        return await self._converse(node, f"attach/{namespace}/{pod}/{container}", _flags(input=stdin))

    async def connect(self, uid: str, port: int) -> Connection:
        for record in self._store.records("/pods"):
            pod = record.object
            if pod["metadata"]["uid"] == uid and pod["spec"].get("nodeName") != self._name:
                return await dial.connect(pod.get("status", {}).get("podIP", ""), port)
        return await self._local.connect(uid, port)

    async def page(self, node: str, path: str) -> Page | None:
        if node == self._name:
            return await self._local.page(node, path)
        try:
            async with await self._get(node, path, {}, aiohttp.ClientTimeout(ANSWER_LIMIT)) as answer:
                return Page(answer.headers["Content-Type"], await answer.text())
        except StatusError as error:
            if error.code != 404:
                raise
            return None

    async def _get(
        self, node: str, path: str, query: dict[str, str], limits: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        """A kubelet's good answer. Raises what it says, 500 if it says nothing."""
        url = self._url(node) / path
        try:
            answer = await self._session.get(url, params=query, ssl=self._trust, timeout=limits)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(url, error) from error
        if answer.status == 200:
            return answer
        async with answer:
            raise _refusal(answer.status, await answer.read())

    async def _converse(self, node: str, path: str, query: list[tuple[str, str]]) -> ExecSession:
        """A program on another node; raises what its kubelet says where it cannot be started."""
        url = (self._url(node) / path).with_query(query)
        try:
            socket = await self._session.ws_connect(
                url, protocols=PROTOCOLS, ssl=self._trust, max_msg_size=LONGEST_MESSAGE, timeout=ENDING
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise _unreachable(url, error) from error
        session = RemoteSession(socket)
        try:
            await session.begin()
        except BaseException:
            await session.close()
            raise
        return session

    def _node_of(self, namespace: str, pod: str) -> str:
        record = self._store.get("/pods", namespace, pod)
        if record is None:
            raise not_found("pods", "", pod)
        return str(record.object["spec"].get("nodeName", ""))

    def _url(self, node: str) -> URL:
        record = self._store.get("/nodes", "", node)
        status: Object = record.object.get("status", {}) if record else {}
        hosts = [item["address"] for item in status.get("addresses", ()) if item["type"] == "InternalIP"]
        port = status.get("daemonEndpoints", {}).get("kubeletEndpoint", {}).get("Port")
        if not hosts or not port:
            raise StatusError(503, "ServiceUnavailable", f'no address known for node "{node}"')
        return URL.build(scheme="https", host=hosts[0], port=port)

    @cached_property
    def _session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.load_cert_chain(f"{self._identity}.crt", f"{self._identity}.key")
        return context


def _flags(**flags: bool) -> list[tuple[str, str]]:
    """Which streams are wanted, in a kubelet's words."""
    return [("output", "1"), ("error", "1")] + [(name, "1") for name, value in flags.items() if value]


def _unreachable(url: URL, error: BaseException) -> StatusError:
    text = f'Get "{url}": {error or type(error).__name__}'
    return StatusError(500, "InternalError", f"Internal error occurred: {text}")


def _refusal(status: int, body: bytes) -> StatusError:
    try:
        told = orjson.loads(body)
        return StatusError(status, told.get("reason", ""), told["message"], told.get("details"))
    except (orjson.JSONDecodeError, KeyError, AttributeError):
        return StatusError(status, "", body.decode(errors="replace").strip())
