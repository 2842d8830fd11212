"""The node agent: runs the pods bound to this node and serves its Services.

It sees the cluster through the client interface only, so it can as well be the node of another control plane. One task
follows each pod; informers tell what changes; a guardian process ends all programs should this process die.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path

from raglab.pocket.client import Client, Object
from raglab.pocket.clock import Clock
from raglab.pocket.config import Settings
from raglab.pocket.events import EventRecorder
from raglab.pocket.files import write_private
from raglab.pocket.informer import Informer
from raglab.pocket.node import checkpoint, guardian, isolation, streaming
from raglab.pocket.node.context import NodeContext
from raglab.pocket.node.images import Images
from raglab.pocket.node.machine import Machine
from raglab.pocket.node.pages import Pages
from raglab.pocket.node.pod import Pod
from raglab.pocket.node.proxy import ServiceProxy
from raglab.pocket.node.records import Records
from raglab.pocket.node.streaming import Streaming
from raglab.pocket.node.usage import Processes
from raglab.pocket.node.volumes import Tokens
from raglab.pocket.streams import Connection, ExecSession, LogOptions, NodeStreams, Page

SAMPLE_SECONDS = 1.0
KUBELET_PORT = 10250

log = logging.getLogger(__name__)


class NodeAgent(NodeStreams):
    """One node. `run` it as a task; cancelling it ends every pod process of the node.

    `tokens` makes service account tokens; without it the token files of pods are empty. `port` is where others reach
    this node's kubelet, as the Node's status tells them.
    """

    def __init__(
        self,
        settings: Settings,
        client: Client,
        clock: Clock,
        *,
        tokens: Tokens | None = None,
        port: int = KUBELET_PORT,
    ) -> None:
        self._settings, self._client, self._clock, self._tokens = settings, client, clock, tokens
        self._port = port
        self._pods: dict[str, Pod] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._services = Informer(client, "services", clock=clock)
        self._slices = Informer(client, "endpointslices", clock=clock)
        self._files = {kind: Informer(client, kind, clock=clock) for kind in ("configmaps", "secrets")}
        self._own = Informer(client, "pods", fields=f"spec.nodeName={settings.node_name}", clock=clock)
        self._network_changed = asyncio.Event()
        self._node: NodeContext | None = None
        self.isolation = ""
        """How programs are isolated, once it runs: ``bubblewrap`` or ``plain``."""

    async def run(self) -> None:
        """Register the node and run its pods until cancelled."""
        chosen = await asyncio.to_thread(isolation.choose)
        self.isolation = chosen.name
        state = _mark(self._settings.state)
        await asyncio.to_thread(guardian.sweep, state, (), 0.5)
        mark = f"{state}.{secrets.token_hex(4)}"  # the guardian of an earlier life may still be at work: not on ours
        watcher = await _start_guardian(mark)
        assert watcher.stdin is not None
        pipe = watcher.stdin
        recorder = EventRecorder(self._client, "kubelet", self._clock, self._settings.node_name)
        node = NodeContext(
            settings=self._settings,
            client=self._client,
            clock=self._clock,
            recorder=recorder,
            images=Images(self._settings.image_catalogues, self._settings.variables),
            records=self._records(),
            isolation=chosen,
            services=self._services,
            slices=self._slices,
            mark=mark,
            report=lambda line: pipe.write(line.encode()),
            tokens=self._tokens,
        )
        self._node = node
        parts = (self._settings, self._client, self._clock, recorder, chosen.name, self._port)
        machine = Machine(*parts, self._tell_all_again)
        node.allocatable = machine.capacity
        proxy = ServiceProxy(self._settings.node_ip, self._warn, cluster_ips=not self._settings.guest)
        try:
            async with asyncio.TaskGroup() as group:
                for informer in (self._services, self._slices, *self._files.values()):
                    group.create_task(informer.run())
                self._services.on_change(lambda before, after: self._network_changed.set())
                self._slices.on_change(lambda before, after: self._network_changed.set())
                group.create_task(node.write_events())
                await machine.register()
                group.create_task(machine.heartbeat())
                await asyncio.gather(
                    *(i.synced.wait() for i in (self._services, self._slices, *self._files.values()))
                )
                for resource, informer in self._files.items():
                    informer.on_change(partial(self._file_changed, resource))
                self._own.on_change(self._pod_changed)
                group.create_task(self._own.run())
                group.create_task(self._forget_lost_pods())
                group.create_task(self._for_ever(lambda: self._serve(proxy)))
                group.create_task(self._for_ever(self._sample_memory))
        finally:
            await self._shut_down(proxy, watcher)

    def _records(self) -> Records:
        tell = partial(checkpoint.write, self._settings.state / "node", self._settings.devices)
        return Records(self._settings.state / "pods", self._settings.pod_cidr, tell)

    async def _shut_down(self, proxy: ServiceProxy, watcher: asyncio.subprocess.Process) -> None:
        await asyncio.gather(*(pod.shut_down() for pod in self._pods.values()), return_exceptions=True)
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        await proxy.close()
        assert watcher.stdin is not None
        watcher.stdin.close()
        await watcher.wait()

    # -- pods ---------------------------------------------------------------------------------------------------

    def _pod_changed(self, before: Object | None, after: Object | None) -> None:
        obj = after or before
        assert obj is not None and self._node is not None
        uid = obj["metadata"]["uid"]
        if after is None:
            if uid in self._pods:
                self._pods[uid].gone()
        elif uid in self._pods:
            self._pods[uid].update(after)
        else:
            pod = self._pods[uid] = Pod(self._node, after)
            if "deletionTimestamp" in after["metadata"]:
                pod.update(after)
            task = self._tasks[uid] = asyncio.create_task(pod.run())
            task.add_done_callback(lambda done: self._pod_done(uid, done))

    def _pod_done(self, uid: str, task: asyncio.Task[None]) -> None:
        pod = self._pods.pop(uid)
        self._tasks.pop(uid, None)
        if not task.cancelled() and (error := task.exception()):
            log.error("pod %s: the node agent failed", pod.title, exc_info=error)

    def _tell_all_again(self) -> None:
        for pod in self._pods.values():
            pod.tell_again()

    async def _forget_lost_pods(self) -> None:
        """Records of pods that were deleted while this process was away."""
        await self._own.synced.wait()
        assert self._node is not None
        for uid in self._node.records:
            if uid not in self._pods:
                await asyncio.to_thread(self._node.records.discard, uid)

    def _file_changed(self, resource: str, before: Object | None, after: Object | None) -> None:
        meta = (after or before or {})["metadata"]
        for pod in self._pods.values():
            if pod.obj["metadata"]["namespace"] == meta["namespace"] and pod.reads(resource, meta["name"]):
                pod.refresh()

    # -- network ------------------------------------------------------------------------------------------------

    async def _serve(self, proxy: ServiceProxy) -> None:
        """Bring listeners and hosts files in step with Services and EndpointSlices, and wait for a change."""
        self._network_changed.clear()
        await proxy.update(self._services, self._slices)
        for pod in list(self._pods.values()):
            with contextlib.suppress(FileNotFoundError):  # a pod whose folder is just being removed
                pod.write_hosts()
        await self._network_changed.wait()

    def _warn(self, service: Object, reason: str, message: str) -> None:
        if self._node is not None:
            self._node.say(service, "Warning", reason, message)

    # -- resources ----------------------------------------------------------------------------------------------

    async def _sample_memory(self) -> None:
        """Hold containers to their memory limits, once a second: there are no control groups to do it."""
        await self._clock.sleep(SAMPLE_SECONDS)
        containers = [item for pod in self._pods.values() for item in (*pod.containers, *pod.init)]
        if any(item.memory_limit for item in containers):
            processes = await asyncio.to_thread(Processes)
            for item in containers:
                item.check_memory(processes)

    async def _for_ever(self, step: Callable[[], Awaitable[None]]) -> None:
        """Repeat `step`. One that fails is logged and tried again: a node does not stop for one bad object."""
        while True:
            try:
                await step()
            except Exception:
                log.exception("the node agent goes on after a failure")
                await self._clock.sleep(SAMPLE_SECONDS)

    # -- streams ------------------------------------------------------------------------------------------------

    def logs(self, namespace: str, pod: str, options: LogOptions) -> AsyncIterator[bytes]:
        return Streaming(self._find, self._clock).logs(namespace, pod, options)

    async def exec(
        self, namespace: str, pod: str, container: str, command: list[str], *, stdin: bool, tty: bool
    ) -> ExecSession:
        return await Streaming(self._find, self._clock).exec(
            namespace, pod, container, command, stdin=stdin, tty=tty
        )

    async def attach(self, namespace: str, pod: str, container: str, *, stdin: bool) -> ExecSession:
        return Streaming(self._find, self._clock).attach(namespace, pod, container, stdin=stdin)

    async def page(self, node: str, path: str) -> Page | None:
        return await Pages(self._settings.node_name, self._pods.values, self._clock).get(path)

    async def connect(self, uid: str, port: int) -> Connection:
        return await streaming.connect(self._pods.get(uid), port)

    def _find(self, namespace: str, name: str) -> Pod | None:
        found = self._own.get(name, namespace)
        return self._pods.get(found["metadata"]["uid"]) if found else None


def _mark(state: Path) -> str:
    """The random name of a state folder, the same at every start: strays of an earlier life carry it."""
    file = state / "run" / "mark"
    if not file.exists():
        write_private(file, secrets.token_hex(16).encode())
    return file.read_text()


async def _start_guardian(mark: str) -> asyncio.subprocess.Process:
    """Start the guardian in a session of its own, with nothing of this process but a pipe."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        guardian.__file__,
        mark,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={},
        start_new_session=True,
    )
    assert process.stdout is not None
    if await process.stdout.readline() != b"ready\n":
        raise RuntimeError(f"the guardian process did not start (exit code {await process.wait()})")
    return process
