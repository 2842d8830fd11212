"""The real application over the real registry and store, spoken to over HTTP; only the node is a stand-in."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from raglab.pocket.api.aggregation import Aggregator
from raglab.pocket.api.app import CONNECTIONS, make_app
from raglab.pocket.api.auth import Credentials
from raglab.pocket.api.registry import Options, Registry
from raglab.pocket.clock import SystemClock
from raglab.pocket.config import Settings
from raglab.pocket.errors import StatusError, bad_request
from raglab.pocket.kinds import catalogue
from raglab.pocket.store import Store
from raglab.pocket.streams import LogOptions, Refused
from raglab.pocket.tokens import TokenSigner

ADMIN_TOKEN = "admin-token-of-the-tests"


class Session:
    """A program that copies its input to its output in capitals, then ends with the code in its first argument."""

    def __init__(self, command: list[str], stdin: bool) -> None:
        self._pieces: asyncio.Queue[bytes] = asyncio.Queue()
        self.code, self.sizes, self.closed = int(command[0]), [], False
        if not stdin:
            self._pieces.put_nowait(b"")

    async def write(self, data: bytes) -> None:
        self._pieces.put_nowait(data)

    async def close_stdin(self) -> None:
        self._pieces.put_nowait(b"")

    def resize(self, width: int, height: int) -> None:
        self.sizes.append((width, height))

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        yield 2, b"begin"
        while piece := await self._pieces.get():
            yield 1, piece.upper()

    async def wait(self) -> int:
        return self.code

    async def close(self) -> None:
        self.closed = True


class Streams:
    """A node with one log of two lines."""

    def __init__(self) -> None:
        self.options: list[LogOptions] = []
        self.sessions: list[Session] = []
        self.more = asyncio.Event()
        self.connected: list[tuple[str, int]] = []
        self.hung_up = asyncio.Event()
        self._echoes: list[asyncio.Task[None]] = []

    async def logs(self, namespace: str, pod: str, options: LogOptions) -> AsyncIterator[bytes]:
        self.options.append(options)
        if options.previous:
            raise bad_request(f'previous terminated container "{options.container}" in pod "{pod}" not found')
        yield b"one\n"
        if options.follow:
            await self.more.wait()
        yield b"two\n"

    async def exec(
        self, namespace: str, pod: str, container: str, command: list[str], *, stdin: bool, tty: bool
    ):
        self.sessions.append(Session(command, stdin))
        return self.sessions[-1]

    async def attach(self, namespace: str, pod: str, container: str, *, stdin: bool):
        self.sessions.append(Session(["0"], stdin))
        return self.sessions[-1]

    async def page(self, node: str, path: str):
        """A kubelet without pages."""
        return

    async def connect(self, uid: str, port: int):
        """Port 9 refuses; all others say what they hear, and end when it ends or says bye."""
        self.connected.append((uid, port))
        if port == 9:
            raise Refused("failed to connect to localhost:9 inside namespace")
        ours, theirs = socket.socketpair()
        self._echoes.append(asyncio.create_task(self._echo(*await asyncio.open_connection(sock=theirs))))
        return await asyncio.open_connection(sock=ours)

    async def _echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = b""
        while not data.endswith(b"bye") and (data := await reader.read(1000)):
            writer.write(data)
        writer.close()
        self.hung_up.set()


@dataclass
class Api:
    """The server and a client with the administrator's token."""

    client: TestClient
    registry: Registry
    streams: Streams
    signer: TokenSigner
    aggregator: Aggregator

    async def call(self, method: str, path: str, status: int = 200, **more):
        """JSON of an answer with that status."""
        async with self.client.request(method, path, **more) as response:
            body = await response.json(content_type=None)
            assert response.status == status, body
            return body

    def pod(self, name: str = "p", **spec):
        """A stored pod, on a node unless `spec` says otherwise."""
        obj = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"containers": [{"name": "main", "image": "busybox"}], "nodeName": "minikube"} | spec,
        }
        return self.registry.create(self.registry.kinds.plural("pods"), "default", obj, Options())


@pytest.fixture
def identity() -> Path | None:
    """The certificate that the API shows to servers behind it; only tests of these need one."""
    return None


@pytest.fixture
async def api(tmp_path, schemas, identity) -> AsyncIterator[Api]:
    kinds, settings, clock = catalogue.load(), Settings(state=tmp_path), SystemClock()
    store = Store(tmp_path / "store.sqlite")
    registry = Registry(store, kinds, schemas, settings, clock)
    registry.create(kinds.plural("namespaces"), "", {"metadata": {"name": "default"}}, Options())
    account = {"metadata": {"name": "default", "namespace": "default"}}
    registry.create(kinds.plural("serviceaccounts"), "default", account, Options())

    def uid_of(account) -> str | None:
        try:
            found = registry.get(kinds.plural("serviceaccounts"), account.namespace, account.name)
        except StatusError:
            return None
        return found["metadata"]["uid"]

    signer, streams = TokenSigner(b"k" * 32), Streams()
    credentials = Credentials("minikube-user", ADMIN_TOKEN, signer, uid_of)
    aggregator = Aggregator(store, identity)
    app = make_app(registry, kinds, schemas, credentials, streams, settings, clock, aggregator)
    server = TestServer(app)
    await server.start_server(**CONNECTIONS)
    client = TestClient(server, headers={"Authorization": f"Bearer {ADMIN_TOKEN}"})
    yield Api(client, registry, streams, signer, aggregator)
    await client.close()
    await aggregator.close()
    store.close()
