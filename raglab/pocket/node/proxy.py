"""Services: a listener for each port of each ClusterIP and each NodePort, joined to the pods that are ready.

The part kube-proxy plays with packet filters is played by user-space TCP proxies, for loopback has no routes to
rewrite. As there, a backend is chosen per connection (at random, or by client address with session affinity), and a
connection to a Service without endpoints is refused at once. UDP ports are not served.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from raglab.pocket.client import Object
from raglab.pocket.node.hosts import SERVICE_LABEL
from raglab.pocket.node.splice import Side, connect

Address = tuple[str, int]
Warn = Callable[[Object, str, str], None]
"""Called with (service, reason, message) when a port cannot be served."""

log = logging.getLogger(__name__)


@dataclass
class Frontend:
    """One listening address of a Service and where its connections go."""

    address: Address
    service: Object
    port: Object
    endpoints: list[Address] = field(default_factory=list)
    affinity: float = 0.0
    """Seconds a client stays with its endpoint; 0 for no affinity."""
    _chosen: dict[str, tuple[Address, float]] = field(default_factory=dict)

    def order(self, client: str) -> list[Address]:
        """Endpoints to try for a connection from `client`, the chosen one first."""
        endpoints = random.sample(self.endpoints, len(self.endpoints))
        if not (self.affinity and endpoints):
            return endpoints
        now = time.monotonic()
        kept, until = self._chosen.get(client, (endpoints[0], now))
        if kept in self.endpoints and until > now:
            endpoints.remove(kept)
            endpoints.insert(0, kept)
        self._chosen[client] = (endpoints[0], now + self.affinity)
        return endpoints


class Entrance(Side):
    """A client's connection to a `Frontend`."""

    def __init__(self, frontend: Frontend, tasks: set[asyncio.Task[None]]) -> None:
        super().__init__()
        self._frontend, self._tasks = frontend, tasks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        task = asyncio.get_running_loop().create_task(self._enter(transport.get_extra_info("peername")[0]))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _enter(self, client: str) -> None:
        for endpoint in self._frontend.order(client):
            if await connect(self, endpoint):
                return
        self.abort()


class ServiceProxy:
    """All listeners of the node. `update` is cheap where nothing changed."""

    def __init__(self, node_ip: str, warn: Warn, *, cluster_ips: bool = True) -> None:
        """Without `cluster_ips`, only NodePorts are served."""
        self._node_ip, self._warn, self._cluster_ips = node_ip, warn, cluster_ips
        self._frontends: dict[Address, Frontend] = {}
        self._servers: dict[Address, asyncio.Server] = {}
        self._failed: dict[Address, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def update(self, services: Iterable[Object], slices: Iterable[Object]) -> None:
        """Listen for exactly these Services with these EndpointSlices."""
        wanted: dict[Address, Frontend] = {}
        endpoints = _by_service(slices)
        for service in services:
            for frontend in _frontends(service, self._node_ip, endpoints):
                if self._cluster_ips or frontend.address[0] == self._node_ip:
                    wanted.setdefault(frontend.address, frontend)
        for address in self._servers.keys() - wanted.keys():
            self._servers.pop(address).close()
            del self._frontends[address]
        self._failed = {address: uid for address, uid in self._failed.items() if address in wanted}
        for address, frontend in wanted.items():
            await self._serve(address, frontend)

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        for server in self._servers.values():
            server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._servers.clear()
        self._frontends.clear()

    async def _serve(self, address: Address, wanted: Frontend) -> None:
        present = self._frontends.get(address)
        if present is not None:  # connections hold on to it: change it in place
            present.service, present.port = wanted.service, wanted.port
            present.endpoints, present.affinity = wanted.endpoints, wanted.affinity
            return
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(lambda: Entrance(wanted, self._tasks), *address, backlog=512)
        except OSError as error:
            self._tell(address, wanted, error)
            return
        self._failed.pop(address, None)
        self._frontends[address], self._servers[address] = wanted, server

    def _tell(self, address: Address, frontend: Frontend, error: OSError) -> None:
        """Once per Service and address: the listener is tried again with every later change."""
        uid = frontend.service["metadata"].get("uid", "")
        if self._failed.get(address) == uid:
            return
        self._failed[address] = uid
        host, port = address
        why = error.strerror or str(error)
        if error.errno == errno.EADDRINUSE:
            why = "another program of this machine uses it"
        elif error.errno == errno.EACCES:
            why = "ports below 1024 need root on this machine"
        log.warning(
            "cannot listen on %s:%s for service %s: %s", host, port, frontend.service["metadata"]["name"], why
        )
        self._warn(frontend.service, "FailedToBind", f"can't open port {port} on {host}: {why}")


def _by_service(slices: Iterable[Object]) -> dict[tuple[str, str], list[Object]]:
    found: dict[tuple[str, str], list[Object]] = {}
    for piece in slices:
        meta = piece["metadata"]
        found.setdefault((meta["namespace"], (meta.get("labels") or {}).get(SERVICE_LABEL, "")), []).append(
            piece
        )
    return found


def _frontends(
    service: Object, node_ip: str, slices: dict[tuple[str, str], list[Object]]
) -> Iterable[Frontend]:
    """The listening addresses of one Service: its cluster IPs and its node ports."""
    meta, spec = service["metadata"], service["spec"]
    own = slices.get((meta["namespace"], meta["name"]), [])
    cluster_ip = spec.get("clusterIP", "")
    if spec.get("type") == "ExternalName" or cluster_ip in ("", "None"):
        return
    affinity = 0.0
    if spec.get("sessionAffinity") == "ClientIP":
        affinity = spec.get("sessionAffinityConfig", {}).get("clientIP", {}).get("timeoutSeconds", 10800)
    for port in spec.get("ports") or ():
        if port.get("protocol", "TCP") != "TCP":
            continue
        ready = endpoints_of(own, port.get("name", ""))
        yield Frontend((cluster_ip, port["port"]), service, port, ready, affinity)
        if port.get("nodePort"):
            yield Frontend((node_ip, port["nodePort"]), service, port, ready, affinity)


def endpoints_of(slices: Iterable[Object], port_name: str) -> list[Address]:
    """Ready endpoints of a Service port; those that still serve while they terminate if there is no other."""
    ready: list[Address] = []
    ending: list[Address] = []
    for piece in slices:
        number = next(
            (p.get("port") for p in piece.get("ports") or () if (p.get("name") or "") == port_name), None
        )
        if not number:
            continue
        for endpoint in piece.get("endpoints") or ():
            conditions = endpoint.get("conditions") or {}
            addresses = [(address, number) for address in endpoint["addresses"]]
            if conditions.get("ready", True):
                ready += addresses
            elif conditions.get("serving") and conditions.get("terminating"):
                ending += addresses
    return ready or ending
