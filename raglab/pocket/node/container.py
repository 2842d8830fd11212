"""One container of a pod: image, start, end, and starting again with growing pauses.

`Container.run` lives as long as the container may still run. `state` and `last_state` are the API's own objects
(``waiting``, ``running`` or ``terminated``); every change is told to the pod, which writes the status.
"""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import Any

from raglab.pocket.client import Object
from raglab.pocket.clock import timestamp
from raglab.pocket.kinds.quantity import whole
from raglab.pocket.node import logs
from raglab.pocket.node.box import Box, PodContext, StartFailed
from raglab.pocket.node.console import Console
from raglab.pocket.node.health import Health
from raglab.pocket.node.process import Process
from raglab.pocket.node.pulling import LONGEST_BACKOFF, pull
from raglab.pocket.node.sources import MissingSource
from raglab.pocket.node.usage import Processes, Use

CONFIG_RETRY = 5.0
"""Seconds until a missing ConfigMap or Secret is looked for again, if no change wakes the container earlier."""
SAID_TO_RUN = 0.5
"""Seconds until a program with standard input is said to run, if it has not ended by then. Clients that wait for it
(``kubectl run -i``) read its log first and attach afterwards, and would miss what comes in between. A kubelet's news
are up to a second old, so short commands have ended by then on a real node, too.
"""
OUTPUT_WAIT = 2.0
"""Seconds for the last output of a program that has ended."""
NEVER = "1970-01-01T00:00:00Z"
KILLED = 137


class Backoff:
    """Pauses before a container starts again: none, then base, doubling up to 300 s; forgotten after a long run."""

    def __init__(self, base: float) -> None:
        self._base, self._failures = base, 0

    def next(self, ran: float) -> float:
        """The pause after a run of `ran` seconds."""
        if ran >= 2 * LONGEST_BACKOFF:
            self._failures = 0
        self._failures += 1
        return 0.0 if self._failures == 1 else min(LONGEST_BACKOFF, self._base * 2 ** (self._failures - 2))


class Container:
    """A container of `context`'s pod. `policy` is its restart policy: Always, OnFailure or Never."""

    def __init__(self, context: PodContext, spec: Object, policy: str, *, init: bool = False) -> None:
        self.context, self.spec, self.policy, self.init = context, dict(spec), policy, init
        self.name: str = spec["name"]
        self.state: dict[str, Any] = {"waiting": {"reason": "ContainerCreating"}}
        self.last_state: dict[str, Any] = {}
        self.restarts = 0
        self.id = self.image_id = ""
        self.has_started = asyncio.Event()
        self.box: Box | None = None
        self.log: logs.LogFile | None = None
        self.console: Console | None = None
        self._health: Health | None = None
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._killed_for = ""
        self._image_changed = asyncio.Event()
        self._restart: asyncio.Task[int] | None = None
        self._stopping = self._busy = False
        self._backoff = Backoff(context.node.settings.backoff_base)

    def change_image(self, image: str) -> None:
        """Another image, the one part of a container that may change: pull it, and start anew if it runs."""
        if image == self.spec["image"]:
            return
        self.spec["image"] = image
        self._image_changed.set()
        if self._process is not None and self._busy:
            self.say("Normal", "Killing", f"Container {self.name} definition changed, will be restarted")
            self._restart = asyncio.create_task(self._process.stop(self.context.grace))

    def begin(self) -> asyncio.Task[None]:
        """Start the container's life."""
        self._task = asyncio.create_task(self._run())
        return self._task

    async def _run(self) -> None:
        """Run until the restart policy (or the end of the pod) says that it is over."""
        pod = self.context.pod["metadata"]
        facts = {"pod_ip": self.context.facts.ip, "pod_name": pod["name"], "namespace": pod["namespace"]}
        while True:
            program = await pull(
                self.context.node, self.spec, self._image_changed, self.say, self._wait, **facts
            )
            self.image_id = program.image_id
            started = self._now()
            try:
                self.box = await self._make_box(program)
                await self._run_program(self.box, self.box.expand(program.command(self.spec)))
            except StartFailed as error:
                self.say("Warning", "Failed", f"Error: {error}")
                self._terminate(128, error.reason, NEVER, str(error))
            if self._stopping or self.finished:
                return
            await self._back_off(self._backoff.next(self._now() - started))
            self.restarts += 1

    async def _make_box(self, program: Any) -> Box:
        """Waits as long as a ConfigMap, Secret or key is missing."""
        while True:
            try:
                return await Box.make(self.context, self.spec, program)
            except MissingSource as error:
                self.say("Warning", "Failed", f"Error: {error}")
                self._wait("CreateContainerConfigError", str(error))
                await self.context.until_refreshed(CONFIG_RETRY)

    async def _run_program(self, box: Box, command: list[str]) -> None:
        """Start the program and wait for its end; afterwards `state` is ``terminated``."""
        self.id, self._killed_for = f"pocket://{box.id}", ""
        self.say("Normal", "Created", "Container created")
        self._drop_old_logs()
        self.log = logs.LogFile(self.log_path(self.restarts), self.context.node.clock.time)
        self.console = await Console.open(self.log, self.spec)
        self._busy = True
        try:
            self._process = await self.console.start(box, command)
            if self._stopping:  # asked to end while it was being started
                self._process.kill()
            began = timestamp(self._now())
            if self.spec.get("stdin"):
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(SAID_TO_RUN):
                        await self._process.wait()
            self._running(box, began)
            code = await self._until_end(self._process)
        finally:
            box.close()
            await self.console.finish(OUTPUT_WAIT)
            self.log.close()
            self._busy = False
        self._terminate(code, self._killed_for or ("Completed" if code == 0 else "Error"), began)

    def _running(self, box: Box, began: str) -> None:
        if "terminated" in self.state:
            self.last_state = self.state
        self.state = {"running": {"startedAt": began}}
        self._health = Health(self.context, self.spec, box, self.say, self._kill_for)
        self.has_started.set()
        self.say("Normal", "Started", "Container started")
        self.context.changed()

    async def _until_end(self, process: Process) -> int:
        """The exit code; probes run meanwhile."""
        assert self._health is not None
        watch = asyncio.create_task(self._health.watch())
        try:
            return await process.wait()
        finally:
            watch.cancel()
            await asyncio.gather(watch, return_exceptions=True)
            self._health = None

    def _terminate(self, code: int, reason: str, began: str, message: str = "") -> None:
        ended = {"exitCode": code, "reason": reason, "startedAt": began, "finishedAt": timestamp(self._now())}
        if self.id:
            ended["containerID"] = self.id
        if message:
            ended["message"] = message
        if "terminated" in self.state:
            self.last_state = self.state
        self.state = {"terminated": ended}
        self.context.changed()

    async def _back_off(self, pause: float) -> None:
        """Pause before the next start; none is shown when there is none."""
        if not pause:
            return
        title = self.context.title
        self.last_state = self.state
        text = f"back-off {_duration(pause)} restarting failed container={self.name} pod={title}"
        self._wait("CrashLoopBackOff", text)
        self.say("Warning", "BackOff", f"Back-off restarting failed container {self.name} in pod {title}")
        await self.context.node.clock.sleep(pause)

    async def _kill_for(self, why: str, grace: float | None) -> None:
        """End the program because it is unhealthy; it will start again."""
        if self._process is not None:
            await self._process.stop(self.context.grace if grace is None else grace)

    async def stop(self, grace: float) -> None:
        """End the container as a pod's deletion does: preStop hook, TERM, and KILL when `grace` is over."""
        self._stopping = True
        if self._process is not None and self._process.running:
            self.say("Normal", "Killing", f"Stopping container {self.name}")
            loop = asyncio.get_running_loop()
            deadline = loop.time() + grace
            await self._pre_stop(grace)
            await self._process.stop(max(0.0, deadline - loop.time()))
        elif self._task is not None and not self._busy:
            self._task.cancel()
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _pre_stop(self, grace: float) -> None:
        hook = self.spec.get("lifecycle", {}).get("preStop", {})
        if "sleep" in hook:
            await self.context.node.clock.sleep(min(grace, hook["sleep"]["seconds"]))
        elif (command := hook.get("exec", {}).get("command")) and self.box is not None:
            try:
                code, output = await self.box.run(command, grace)
            except TimeoutError:
                code, output = 1, "timed out"
            if code:
                self.say(
                    "Warning", "FailedPreStopHook", f"PreStopHook failed: {output.strip() or f'exit {code}'}"
                )

    def kill(self) -> None:
        """End the program now."""
        self._stopping = True
        if self._process is not None:
            self._process.kill()

    @property
    def memory_limit(self) -> int:
        """Bytes the container may hold; 0 for any number."""
        return whole(self.spec.get("resources", {}).get("limits", {}).get("memory", 0))

    def use(self, processes: Processes) -> Use | None:
        """What the container uses; None while it does not run."""
        if self.box is None or self._process is None or not self._process.running:
            return None
        return self.box.use(processes)

    def check_memory(self, processes: Processes) -> None:
        """End the program if the container holds more than its limit."""
        use = self.use(processes) if self.memory_limit else None
        if use is not None and use.memory > self.memory_limit and self._process is not None:
            self._killed_for = "OOMKilled"
            self._process.kill()

    def recover(self, status: Object) -> None:
        """Go on from a status written before the cluster was restarted: what ran then was killed."""
        self.restarts, self.last_state = status.get("restartCount", 0), status.get("lastState") or {}
        self.id, self.image_id = status.get("containerID", ""), status.get("imageID", "")
        state = status.get("state") or {}
        if "running" in state:
            killed = {"exitCode": KILLED, "reason": "Error", "containerID": self.id}
            times = {"startedAt": state["running"]["startedAt"], "finishedAt": timestamp(self._now())}
            state = {"terminated": killed | times}
        if "terminated" not in state:
            return
        self.state = state
        if not self.finished:
            self.last_state, self.state = state, {"waiting": {"reason": "ContainerCreating"}}
            self.restarts += 1

    @property
    def finished(self) -> bool:
        """It has ended and its policy does not start it again."""
        ended = self.state.get("terminated")
        if ended is None or self.policy == "Always":
            return False
        return self.policy == "Never" or ended["exitCode"] == 0

    @property
    def ready(self) -> bool:
        """Runs and, as far as its probes tell, can be used; an init container is ready when it has succeeded."""
        if self.init and self.policy != "Always":
            return self.state.get("terminated", {}).get("exitCode") == 0
        return self._health is not None and self._health.ready

    def status(self) -> Object:
        """The container's entry in the pod's status."""
        found: Object = {
            "name": self.name,
            "image": self.spec["image"],
            "imageID": self.image_id,
            "state": self.state,
            "lastState": self.last_state,
            "ready": self.ready,
            "started": self._health is not None and self._health.started,
            "restartCount": self.restarts,
        }
        if self.id:
            found["containerID"] = self.id
        if resources := self.spec.get("resources"):
            found["resources"] = resources
            if requests := resources.get("requests"):
                found["allocatedResources"] = requests
        return found

    def log_path(self, restarts: int) -> Path:
        """The log of a run, counted by restarts."""
        return self.context.folder / "logs" / self.name / f"{restarts}.log"

    def _drop_old_logs(self) -> None:
        """Keep the last run's log beside this one's, as the kubelet does."""
        keep = (f"{self.restarts}.log", f"{self.restarts - 1}.log")
        folder = self.log_path(0).parent
        for file in folder.iterdir() if folder.exists() else ():
            if not file.name.startswith(keep):
                file.unlink()

    def say(self, type: str, reason: str, message: str) -> None:
        """An Event about this container."""
        part = "initContainers" if self.init else "containers"
        self.context.node.say(self.context.pod, type, reason, message, f"spec.{part}{{{self.name}}}")

    def _wait(self, reason: str, message: str) -> None:
        self.state = {"waiting": {"reason": reason, "message": message}}
        self.context.changed()

    def _now(self) -> float:
        return self.context.node.clock.time()


def _duration(seconds: float) -> str:
    """``10s``, ``1m20s``, ``5m0s``: Go's form."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
