"""One pod on this node: volumes, init containers, containers, status, and its end.

A `Pod` is a task from the moment the pod is bound to the node until its object is gone from the API. It writes the
pod's status whenever a container changes, several changes at once where they come fast.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import shutil
from typing import Any

from raglab.pocket.client import Object
from raglab.pocket.clock import timestamp
from raglab.pocket.errors import StatusError
from raglab.pocket.node import devices, hosts, status
from raglab.pocket.node.box import PodContext
from raglab.pocket.node.container import Container
from raglab.pocket.node.context import NodeContext
from raglab.pocket.node.records import NoAddress
from raglab.pocket.node.sources import PodFacts, mentioned
from raglab.pocket.node.volumes import MountFailed, Volumes

MOUNT_RETRY = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
"""Pauses between attempts to mount volumes; a change of a ConfigMap or Secret ends them early."""
TOKEN_RENEWAL = 1200.0
"""Seconds between new service account tokens; they are valid for about an hour."""
SHUTDOWN_GRACE = 5.0
"""Seconds a program gets when the whole cluster stops, whatever its pod says: Ctrl-C should not take half a minute."""

TELL_RETRY = 1.0
"""Seconds until an API server that gave no answer is told again."""

log = logging.getLogger(__name__)


class Pod:
    """The pod `obj` on this node. Call `update` with every new version of it and `gone` when it was deleted."""

    def __init__(self, node: NodeContext, obj: Object) -> None:
        self.node, self.uid = node, obj["metadata"]["uid"]
        self.obj = obj
        self._sources = mentioned(obj["spec"])
        self._stop_asked, self._is_gone = asyncio.Event(), asyncio.Event()
        self._dirty, self._mounted = asyncio.Event(), asyncio.Event()
        self._failure: tuple[str, str] | None = None
        self._sandbox = self._initialised = self._silent = False
        self.init: list[Container] = []
        self.containers: list[Container] = []
        self.context: PodContext | None = None

    @property
    def title(self) -> str:
        return f"{self.obj['metadata']['namespace']}/{self.obj['metadata']['name']}"

    @property
    def reachable(self) -> bool:
        """Whether its programs can be connected: from when its volumes are mounted until it is removed."""
        return self._sandbox and not self._is_gone.is_set()

    def update(self, obj: Object) -> None:
        """The API's new version of the pod."""
        self.obj = obj
        if self.context is not None:
            self.context.facts.pod = obj
        for spec in [*obj["spec"]["containers"], *obj["spec"].get("initContainers", ())]:
            if (container := self.container(spec["name"])) is not None:
                container.change_image(spec["image"])
        if "deletionTimestamp" in obj["metadata"]:
            self._stop_asked.set()
            if self._grace() == 0:
                self._kill()

    def gone(self) -> None:
        """The object has been deleted, perhaps by force: nothing is left to wait for."""
        self._is_gone.set()
        self._stop_asked.set()
        self._kill()

    def tell_again(self) -> None:
        """Somebody else may have changed what the API says about this pod."""
        self._changed()

    def reads(self, resource: str, name: str) -> bool:
        """Whether the pod takes files or variables from this ConfigMap or Secret."""
        return (resource, name) in self._sources

    def refresh(self) -> None:
        """Something the pod takes files or variables from has changed."""
        if self.context is not None:
            refreshed, self.context.refreshed = self.context.refreshed, asyncio.Event()
            refreshed.set()

    def container(self, name: str) -> Container | None:
        """The container or init container with this name."""
        return next((item for item in [*self.containers, *self.init] if item.name == name), None)

    # -- life ---------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """From admission to removal."""
        publisher = asyncio.create_task(self._publish_changes())
        tasks = [publisher]
        try:
            if self.obj.get("status", {}).get("phase") not in ("Succeeded", "Failed"):
                tasks += [asyncio.create_task(self._live()), asyncio.create_task(self._keep_volumes_fresh())]
            else:
                self._take_over()
            await self._stop_asked.wait()
            await self._stop(self._grace(), tasks[1:])
            await self._remove()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def shut_down(self) -> None:
        """End the programs because the cluster stops; the pod itself stays in the API and runs again afterwards."""
        self._silent = True
        grace = min(self._grace(), SHUTDOWN_GRACE)
        await asyncio.gather(*(item.stop(grace) for item in [*self.containers, *self.init]))

    async def _live(self) -> None:
        try:
            if not self._admit():
                return
            await self._mount()
            self._sandbox = True
            self._mounted.set()
            if await self._initialise():
                if self.init:
                    self._changed()
                await asyncio.gather(*(item.begin() for item in self.containers if not item.finished))
            self.node.records.release_devices(
                self.uid
            )  # a pod that has ended holds none, as the scheduler counts
        except Exception:
            log.exception("pod %s failed inside the node agent", self.title)
            self._fail("NodeAgentError", "the node agent failed on this pod; its log tells why")

    def _take_over(self) -> None:
        """A pod that had ended before the cluster was restarted: only its logs are still of use."""
        self.node.records.admit(self.uid)
        self._build()

    def _admit(self) -> bool:
        try:
            self.node.records.admit(self.uid)
            devices.assign(self.node.settings.devices, self.node.records, self.obj)
        except (NoAddress, devices.NotEnoughDevices) as error:
            reason = "UnexpectedAdmissionError"
            self.node.say(self.obj, "Warning", reason, str(error))
            self._fail(reason, f"Pod was rejected: {error}")
            return False
        self._build()
        self._changed()
        return True

    def _build(self) -> None:
        node, record = self.node, self.node.records.admit(self.uid)
        folder = node.records.folder(self.uid)
        on_host = self.obj["spec"].get("hostNetwork", False)
        ip = node.settings.node_ip if on_host else record["ip"]
        facts = PodFacts(self.obj, ip, node.settings.node_ip, node.allocatable)
        volumes = Volumes(node.client, folder / "volumes", node.node_root, node.tokens)
        self.context = PodContext(node, facts, folder, volumes, self._changed)
        self.write_hosts()
        spec, policy = self.obj["spec"], self.obj["spec"].get("restartPolicy", "Always")
        retry = "Never" if policy == "Never" else "OnFailure"
        for entry in spec.get("initContainers") or ():
            own = "Always" if entry.get("restartPolicy") == "Always" else retry
            self.init.append(Container(self.context, entry, own, init=True))
        self.containers = [Container(self.context, entry, policy) for entry in spec["containers"]]
        self._recover()

    def _recover(self) -> None:
        """Continue from the status of an earlier life of this cluster."""
        before = self.obj.get("status", {})
        for entry in before.get("containerStatuses") or ():
            if container := self.container(entry["name"]):
                container.recover(entry)
        if self.init and any("waiting" in item.state for item in self.containers):
            for item in self.containers:
                if "waiting" in item.state:
                    item.state = {"waiting": {"reason": "PodInitializing"}}

    def write_hosts(self) -> None:
        """Bring the pod's own files in /etc up to date."""
        if self.context is None:
            return
        folder = self.context.folder / "etc"
        folder.mkdir(mode=0o755, exist_ok=True)
        text = hosts.render(self.obj, self.context.facts.ip, self.node.services, self.node.slices)
        hosts.rewrite(folder / "hosts", text)
        for name, content in hosts.static_files(self.obj).items():
            hosts.rewrite(folder / name, content)

    async def _mount(self) -> None:
        assert self.context is not None
        attempt = 0
        while True:
            try:
                return await self.context.volumes.set_up(self.context.facts)
            except MountFailed as error:
                self.node.say(self.obj, "Warning", "FailedMount", str(error))
            pause = MOUNT_RETRY[min(attempt, len(MOUNT_RETRY) - 1)]
            attempt += 1
            await self.context.until_refreshed(pause)

    async def _initialise(self) -> bool:
        """Run the init containers one after the other; False if the pod has failed by that."""
        for item in self.init:
            if item.policy == "Always":  # a sidecar: goes on running beside the containers
                item.begin()
                await item.has_started.wait()
                continue
            await item.begin()
            if item.state["terminated"]["exitCode"] != 0:
                return False
        self._initialised = True
        for item in self.containers:
            if item.state.get("waiting", {}).get("reason") == "PodInitializing":
                item.state = {"waiting": {"reason": "ContainerCreating"}}
        return True

    async def _keep_volumes_fresh(self) -> None:
        """Follow changes of what volumes show, and renew tokens before they expire."""
        await self._mounted.wait()
        assert self.context is not None
        while True:
            await self.context.until_refreshed(TOKEN_RENEWAL)
            with contextlib.suppress(MountFailed):  # a source went away: the files stay as they were
                await self.context.volumes.set_up(self.context.facts)

    # -- end ----------------------------------------------------------------------------------------------------

    async def _stop(self, grace: float, tasks: list[asyncio.Task[None]]) -> None:
        await asyncio.gather(*(item.stop(grace) for item in [*self.containers, *self.init]))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _remove(self) -> None:
        """The programs are gone: say so, let the API drop the object, forget the pod."""
        meta = self.obj["metadata"]
        if not self._is_gone.is_set():
            self._sandbox = False
            await self._publish()
            await self._delete()
        folder = self.node.records.folder(self.uid) if self.uid in self.node.records else None
        self.node.records.forget(self.uid)
        if folder is not None:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        log.debug("pod %s/%s removed", meta["namespace"], meta["name"])

    async def _delete(self) -> None:
        meta = self.obj["metadata"]
        while not self._is_gone.is_set():
            try:
                return await self.node.client.delete(
                    "pods", meta["name"], meta["namespace"], grace=0, uid=self.uid
                )
            except StatusError as error:
                if error.code in (404, 409):
                    return
                log.warning("pod %s not removed: %s", self.title, error)
            await self.node.clock.sleep(TELL_RETRY)

    def _kill(self) -> None:
        for item in [*self.containers, *self.init]:
            item.kill()

    def _grace(self) -> float:
        meta, spec = self.obj["metadata"], self.obj["spec"]
        return meta.get("deletionGracePeriodSeconds", spec.get("terminationGracePeriodSeconds", 30))

    def _fail(self, reason: str, message: str) -> None:
        self._failure = (reason, message)
        self._changed()

    # -- status -------------------------------------------------------------------------------------------------

    def _changed(self) -> None:
        self._dirty.set()

    async def _publish_changes(self) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            if not await self._publish():
                await self.node.clock.sleep(TELL_RETRY)
                self._dirty.set()

    async def _publish(self) -> bool:
        """Write the status; False if that has to be tried again."""
        meta = self.obj["metadata"]
        if self._is_gone.is_set() or self._silent:
            return True
        patch = {"metadata": {"uid": self.uid}, "status": self.status()}
        try:
            self.obj = await self.node.client.patch(
                "pods", meta["name"], meta["namespace"], patch, subresource="status"
            )
        except StatusError as error:
            if error.code not in (404, 409):
                log.warning("status of pod %s not written: %s", self.title, error)
                return error.code < 500
        return True

    def _untouched(self) -> bool:
        """Whether nothing has come of any container yet; until then a kubelet tells no address."""
        waiting = (item.state.get("waiting", {}).get("reason") for item in [*self.containers, *self.init])
        return all(reason in ("ContainerCreating", "PodInitializing") for reason in waiting)

    def status(self) -> dict[str, Any]:
        """The pod's status now."""
        node, now = self.node, timestamp(self.node.clock.time())
        before = self.obj.get("status", {})
        if self._failure:
            reason, message = self._failure
            return {"phase": "Failed", "reason": reason, "message": message}
        init, main = [c.status() for c in self.init], [c.status() for c in self.containers]
        phase = status.phase(self.obj["spec"].get("restartPolicy", "Always"), init, main)
        initialised = self._initialised or not self.init
        over = phase in ("Succeeded", "Failed")
        sandbox = self._sandbox and not over and not self._untouched()
        unstarted = [c.name for c in self.init if c.state.get("terminated", {}).get("exitCode") != 0]
        found: dict[str, Any] = {
            "phase": phase,
            "hostIP": node.settings.node_ip,
            "hostIPs": [{"ip": node.settings.node_ip}],
            "startTime": before.get("startTime") or now,
            "qosClass": before.get("qosClass") or status.qos_class(self.obj["spec"]),
            "containerStatuses": main,
            "conditions": status.conditions(
                self.obj,
                phase,
                initialised,
                [c.name for c in self.containers if not c.ready],
                unstarted,
                sandbox,
                now,
            ),
        }
        if generation := self.obj["metadata"].get("generation"):
            found["observedGeneration"] = generation
        if init:
            found["initContainerStatuses"] = init
        if self.context is not None and (sandbox or over):
            found["podIP"] = self.context.facts.ip
            found["podIPs"] = [{"ip": self.context.facts.ip}]
        return found
