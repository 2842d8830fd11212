"""The whole cluster in one process: wires store, API, controllers, scheduler and node agent together.

The order of a start is the order of needs: lock the state folder, load the store, listen, write the kubeconfig, put
down the objects every cluster has, say ready, then let controllers, scheduler and node agent work. A stop goes
backwards, so that pods can still report how they end.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import signal
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import psutil
from aiohttp import web

from raglab.pocket import bootstrap, controllers, kubeconfig, pki, scheduler
from raglab.pocket.api.aggregation import Aggregator
from raglab.pocket.api.app import CONNECTIONS, make_app
from raglab.pocket.api.auth import Credentials
from raglab.pocket.api.availability import Availability
from raglab.pocket.api.door import HANDSHAKE, Door, widen
from raglab.pocket.api.kubelets import Kubelets
from raglab.pocket.api.local import LocalClient
from raglab.pocket.api.registry import Registry
from raglab.pocket.claims import claimed
from raglab.pocket.client import Object
from raglab.pocket.clock import Clock, SystemClock
from raglab.pocket.config import Settings
from raglab.pocket.errors import StatusError
from raglab.pocket.files import only_one, write_private
from raglab.pocket.kinds import catalogue
from raglab.pocket.kinds.schema import Schemas
from raglab.pocket.node.agent import NodeAgent
from raglab.pocket.store import Damaged, Store, UnknownFormat
from raglab.pocket.tokens import ServiceAccount, TokenSigner

ADMIN = "minikube-user"
STOP_CONNECTIONS = 2.0
"""Seconds that open connections (watches, mostly) get to end."""

log = logging.getLogger(__name__)


async def run(settings: Settings, clock: Clock | None = None) -> None:
    """Run a cluster until SIGTERM or SIGINT. Refuses a state folder or addresses that another one has."""
    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)  # closes everything below to other users
    widen()
    with only_one(settings.state / "run", "a cluster"), claimed(settings.pod_cidr):
        try:
            cluster = Cluster(settings, clock or SystemClock())
        except (Damaged, UnknownFormat) as error:
            raise SystemExit(str(error)) from None
        try:
            await cluster.serve(_stop_signal())
        finally:
            cluster.store.close()


class Cluster:
    """The parts of one cluster."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings, self.clock = settings, clock
        self.kinds = catalogue.load()
        self.schemas = Schemas.load(settings.schema_cache or settings.state / "cache")
        self.store = Store(settings.state / "store.sqlite")
        self.registry = Registry(self.store, self.kinds, self.schemas, settings, clock)
        names = pki.server_names(settings.service_cidr, settings.api_host)
        self.pki = pki.ensure(settings.state / "pki", names, ADMIN)
        self.aggregator = Aggregator(self.store, self.pki.front_proxy)
        self.signer = TokenSigner(self.pki.token_key)
        self.agent = NodeAgent(settings, self._client("kubelet"), clock, tokens=self._token)
        nodes = (settings.node_name, self.agent, self.store, self.pki.kubelet_client)
        self.kubelets = Kubelets(*nodes)

    async def serve(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set, or until one of the parts fails."""
        async with self._listening() as port:
            await bootstrap.run(
                self._client("kube-apiserver"), self.settings.api_host, port, self.pki.authority.read_text()
            )
            self._announce(port)
            parts = [asyncio.create_task(part, name=name) for name, part in self._parts().items()]
            waiting = asyncio.create_task(stop.wait())
            try:
                done, _ = await asyncio.wait([waiting, *parts], return_when=asyncio.FIRST_COMPLETED)
                for task in done - {waiting}:
                    task.result()  # raises what ended it
            finally:
                (self.settings.state / "run" / "ready.json").unlink(missing_ok=True)
                await _end([waiting, parts[-1]])  # pods first, while controllers still follow
                await _end(parts)

    def _client(self, component: str) -> LocalClient:
        """The API for one component, which owns the fields it writes."""
        return LocalClient(self.registry, self.aggregator, component)

    def _parts(self) -> dict[str, Any]:
        """Everything that works on the objects; the node agent last."""
        certificate = self.pki.authority.read_text()
        server, manager = self._client("kube-apiserver"), self._client("kube-controller-manager")
        return {
            "controllers": controllers.run(
                manager,
                self.clock,
                root_certificate=certificate,
                erase=self._erase if self.settings.provisioner else None,
                node_grace=self.settings.node_grace_seconds,
                namespace_grace=self.settings.namespace_grace_seconds,
            ),
            "availability": Availability(server, self.kinds, self.aggregator, self.clock).run(),
            "scheduler": scheduler.run(self._client("kube-scheduler"), self.clock),
            "node": self.agent.run(),
        }

    @asynccontextmanager
    async def _listening(self) -> AsyncIterator[int]:
        """Serve the API on the port of the last start, or on a free one the first time."""
        credentials = Credentials(ADMIN, self.pki.token, self.signer, self._account)
        app = make_app(
            self.registry,
            self.kinds,
            self.schemas,
            credentials,
            self.kubelets,
            self.settings,
            self.clock,
            self.aggregator,
        )
        runner = web.AppRunner(
            app, handler_cancellation=True, shutdown_timeout=STOP_CONNECTIONS, **CONNECTIONS
        )
        await runner.setup()
        listener = self._listener()
        assert runner.server is not None
        door = Door(runner.server)
        server = await asyncio.get_running_loop().create_server(
            door, sock=listener, ssl=self.pki.server_context(), ssl_handshake_timeout=HANDSHAKE
        )
        try:
            yield listener.getsockname()[1]
        finally:
            server.close()
            await runner.cleanup()
            await self.kubelets.close()

    def _listener(self) -> socket.socket:
        kept = self.settings.state / "run" / "port"
        text = kept.read_text() if kept.exists() else ""
        port = self.settings.api_port or (int(text) if text.isdigit() else 0)
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((self.settings.api_host, port))
        except OSError as error:
            listener.close()
            raise SystemExit(
                f"port {port} on {self.settings.api_host} is taken by another program ({error.strerror}); "
                f"end that program, or delete {kept} to let the cluster choose another port"
            ) from None
        write_private(kept, str(listener.getsockname()[1]).encode())
        return listener

    def _announce(self, port: int) -> None:
        """Write the kubeconfig, then the file that says the API answers."""
        settings = self.settings
        server = f"https://{settings.api_host}:{port}"
        kubeconfig.write(settings.state / "kubeconfig", server=server, context=settings.context, pki=self.pki)
        facts = {"pid": os.getpid(), "created": psutil.Process().create_time(), "server": server}
        write_private(settings.state / "run" / "ready.json", json.dumps(facts).encode())
        log.info("ready at %s", server)

    def _account(self, account: ServiceAccount) -> str | None:
        """uid of a ServiceAccount, None when it does not exist."""
        try:
            return self._uid(account.namespace, account.name)
        except StatusError:
            return None

    def _uid(self, namespace: str, name: str) -> str:
        found = self.registry.get(self.kinds.plural("serviceaccounts"), namespace, name)
        uid: str = found["metadata"]["uid"]
        return uid

    async def _token(self, pod: Object, projection: Mapping[str, Any]) -> str:
        """The token that a pod finds in its service account volume."""
        namespace, name = pod["metadata"]["namespace"], pod["spec"].get("serviceAccountName", "default")
        account = ServiceAccount(namespace, name, self._uid(namespace, name))
        seconds = projection.get("expirationSeconds", 3600)
        return self.signer.issue(account, now=self.clock.time(), seconds=seconds)

    def _erase(self, path: str) -> None:
        """Remove a provisioned volume's folder from the node's own file system, and nothing outside it."""
        root = (self.settings.state / "node").resolve()
        folder = (root / path.lstrip("/")).resolve()
        if folder != root and folder.is_relative_to(root):
            shutil.rmtree(folder, ignore_errors=True)


def _stop_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


async def _end(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
