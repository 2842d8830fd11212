"""A node of somebody else's cluster: the node agent alone, registered over HTTPS with the API of a kubeconfig.

It runs until SIGINT or SIGTERM. Then it leaves as an operator would have it: takes no more pods, evicts those it has
(disruption budgets are kept to), and removes its Node. A second signal ends the waiting.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable

from raglab.pocket.claims import claimed
from raglab.pocket.client import Object
from raglab.pocket.clock import SystemClock
from raglab.pocket.config import Settings
from raglab.pocket.errors import StatusError
from raglab.pocket.files import only_one
from raglab.pocket.kubeconfig import Access
from raglab.pocket.node.agent import NodeAgent
from raglab.pocket.node.endpoint import Endpoint
from raglab.pocket.node.machine import system_uuid
from raglab.pocket.node.sources import find
from raglab.pocket.objects import controller_of, is_finished
from raglab.pocket.remote import RemoteClient

DRAIN_LIMIT = 120.0
"""Seconds that pods get to leave."""
LOOK = 0.5
"""Seconds between two looks at the pods that are left."""
Report = Callable[[str], None]

log = logging.getLogger(__name__)


class NameTaken(Exception):
    """The cluster has a node of that name already."""


async def run(settings: Settings, access: Access, report: Report) -> None:
    """Be a node of the cluster behind `access` until asked to stop; `report` gets a line per step.

    Raises `StatusError` if the API refuses or does not answer at the start, and `NameTaken`.
    """
    settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with only_one(settings.state / "run", "a node"), claimed(settings.pod_cidr):
        async with RemoteClient(access) as client:
            await _check_name(client, settings)
            await _Joined(settings, client, report).run()


async def _check_name(client: RemoteClient, settings: Settings) -> None:
    """A node may come back, but not take the place of another one."""
    node = await find(client, "nodes", "", settings.node_name)
    owner = (node or {}).get("status", {}).get("nodeInfo", {}).get("systemUUID", "")
    if node is not None and owner != system_uuid(settings):
        raise NameTaken(f"the cluster has a node {settings.node_name} already, and it is another one")


class _Joined:
    def __init__(self, settings: Settings, client: RemoteClient, report: Report) -> None:
        self._settings, self._client, self._report = settings, client, report
        self._name = settings.node_name
        self._signals: asyncio.Queue[int] = asyncio.Queue()

    async def run(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._signals.put_nowait, number)
        settings, authority = self._settings, self._client.access.authority
        endpoint = Endpoint(self._name, settings.node_ip, settings.state / "pki", authority)
        port = await endpoint.start()
        try:
            clock = SystemClock()
            agent = NodeAgent(settings, self._client, clock, tokens=self._client.token, port=port)
            endpoint.serve(agent)
            await self._work(asyncio.create_task(agent.run()))
        finally:
            await endpoint.close()

    async def _work(self, agent: asyncio.Task[None]) -> None:
        """Run the agent until a signal, then leave. An agent that fails is not waited for."""
        asked = asyncio.create_task(self._signals.get())
        self._report(f"Node {self._name} joins {self._client.access.server}; Ctrl-C drains and removes it")
        await asyncio.wait((agent, asked), return_when=asyncio.FIRST_COMPLETED)
        try:
            if not agent.done():
                await self._leave()
        finally:
            agent.cancel()
            await asyncio.gather(agent, return_exceptions=True)
            asked.cancel()
        if not agent.cancelled() and (error := agent.exception()):
            raise _first(error)
        await self._remove()

    async def _leave(self) -> None:
        """Cordon, evict, and wait until the pods are gone, the time is over or a second signal comes."""
        impatient = asyncio.create_task(self._signals.get())
        draining = asyncio.create_task(self._drain())
        await asyncio.wait((draining, impatient), timeout=DRAIN_LIMIT, return_when=asyncio.FIRST_COMPLETED)
        for task in (draining, impatient):
            task.cancel()
        (outcome, _) = await asyncio.gather(draining, impatient, return_exceptions=True)
        if isinstance(outcome, StatusError):
            self._report(f"The pods were not drained: {outcome}")

    async def _drain(self) -> None:
        self._report("Taking no more pods; waiting until those that run here have ended")
        await self._client.patch("nodes", self._name, "", {"spec": {"unschedulable": True}})
        evicted: set[str] = set()
        while waiting := [pod for pod in await self._pods() if not _stays(pod)]:
            for pod in waiting:
                if pod["metadata"]["uid"] not in evicted and await self._evict(pod):
                    evicted.add(pod["metadata"]["uid"])
            await asyncio.sleep(LOOK)

    async def _evict(self, pod: Object) -> bool:
        """False where a disruption budget does not allow it yet."""
        try:
            await self._client.evict(pod)
        except StatusError as error:
            if error.code == 429:
                return False
            if error.code != 404:
                raise
        return True

    async def _pods(self) -> list[Object]:
        return await self._client.list("pods", fields=f"spec.nodeName={self._name}")

    async def _remove(self) -> None:
        """The agent has ended all programs: what is left of pods and node are objects."""
        try:
            for pod in await self._pods():
                meta = pod["metadata"]
                await self._client.delete("pods", meta["name"], meta["namespace"], grace=0, uid=meta["uid"])
            await self._client.delete("nodes", self._name)
        except StatusError as error:
            what = f"node {self._name} is still an object of the cluster: {error}"
            raise StatusError(error.code, error.reason, what) from error
        self._report(f"Node {self._name} has left the cluster")


def _first(error: BaseException) -> BaseException:
    """What went wrong first in a group of tasks."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def _stays(pod: Object) -> bool:
    """Whether a drain leaves a pod alone: it has ended, or its DaemonSet would bring it back at once."""
    owner = controller_of(pod) or {"kind": ""}
    return is_finished(pod) or owner["kind"] in ("DaemonSet", "Node")
