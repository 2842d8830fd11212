"""A container's box: environment and files of one run, and the programs started in it.

The box is made anew for every run; programs that join later (exec, probes, hooks) get the same view and environment
and end with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from raglab.pocket.client import Object
from raglab.pocket.node import devices, environment, execs, hosts, terminal
from raglab.pocket.node.context import NodeContext
from raglab.pocket.node.images import Program
from raglab.pocket.node.isolation import PACKAGE, SYSTEM_PATH, Bind, MountError, View
from raglab.pocket.node.process import Process
from raglab.pocket.node.sources import PodFacts
from raglab.pocket.node.usage import Meter, Processes, Use
from raglab.pocket.node.volumes import Volumes


class StartFailed(Exception):
    """A program cannot be started; `reason` is what the kubelet would show."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass
class PodContext:
    """What the containers of one pod share."""

    node: NodeContext
    facts: PodFacts
    folder: Path
    volumes: Volumes
    changed: Callable[[], None]
    """To be called when a container's state has changed."""
    refreshed: asyncio.Event = field(default_factory=asyncio.Event)
    """Set (and replaced) when a ConfigMap or Secret of the pod's namespace has changed."""

    async def until_refreshed(self, seconds: float) -> None:
        """Wait for that, at most `seconds`. (`asyncio.wait_for` of Python 3.11 forgets a cancellation that comes
        together with the event, and the pod would never end.)
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.refreshed.wait()

    @property
    def pod(self) -> Object:
        return self.facts.pod

    @property
    def grace(self) -> float:
        """Seconds between TERM and KILL."""
        return float(self.pod["spec"].get("terminationGracePeriodSeconds", 30))

    @property
    def title(self) -> str:
        """``name_namespace(uid)``, as the kubelet names pods in messages."""
        meta = self.pod["metadata"]
        return f"{meta['name']}_{meta['namespace']}({meta['uid']})"


class Box:
    """One run of container `spec`: make it with `Box.make`."""

    def __init__(self, context: PodContext, view: View, env: Mapping[str, str]) -> None:
        self.id = secrets.token_hex(32)
        self._context, self._view, self._env = context, view, env
        self._host: Process | None = None
        self._guests: set[Process] = set()
        self._meter = Meter()

    @classmethod
    async def make(cls, context: PodContext, spec: Object, program: Program) -> Box:
        """Environment and files for a run; `MissingSource` or `StartFailed` if that is not possible."""
        node = context.node
        given = node.records.admit(context.pod["metadata"]["uid"])["devices"].get(spec["name"], {})
        drivers = devices.injection(node.settings.devices, given, node.node_root)
        env = await _environment(context, spec, program, drivers)
        binds = [*drivers.binds, *context.volumes.binds(spec, env)]
        binds += [Bind(Path(source), target) for source, target in program.mounts.items()]
        etc = {name: context.folder / "etc" / name for name in hosts.ETC_FILES}
        root = context.folder / spec["name"]
        view = View(root, tuple(binds), etc, spec.get("workingDir") or program.workdir)
        try:
            await asyncio.to_thread(_prepare, context.node, view)
        except (MountError, OSError) as error:
            raise StartFailed("CreateContainerError", str(error)) from error
        return cls(context, view, env)

    async def start(
        self,
        command: list[str],
        *,
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
        stderr: int = subprocess.DEVNULL,
        tty: bool = False,
    ) -> Process:
        """Start a program in the box; `StartFailed` if there is none of that name. The first one is the container's.

        With `tty` its standard input is a terminal, which it takes as its own.
        """
        self._check(command)
        command, env = (
            (terminal.taking(command), {**terminal.ENV, **self._env}) if tty else (command, self._env)
        )
        node = self._context.node
        beside = self._host.first_inside if self._host is not None else 0
        launch = node.isolation.launch(self._view, command, env, beside)
        mark = f"{node.mark}.{self.id[:16]}.{secrets.token_hex(4)}"
        channels = {"stdin": stdin, "stdout": stdout, "stderr": stderr}
        process = await Process.start(launch, mark, sandboxed=node.sandboxed, report=node.report, **channels)
        self._host = self._host or process
        return process

    async def join(
        self, command: list[str], *, stdin: int, stdout: int, stderr: int, tty: bool = False
    ) -> Process:
        """Start a program beside the container's own; it ends with the box at the latest."""
        process = await self.start(command, stdin=stdin, stdout=stdout, stderr=stderr, tty=tty)
        self._guests = {guest for guest in self._guests if guest.running} | {process}
        return process

    async def open(
        self, command: list[str], *, stdin: bool, tty: bool
    ) -> execs.PipeSession | execs.TerminalSession:
        """A session for ``kubectl exec``."""
        if tty:
            return await execs.TerminalSession.start(self.join, command)
        return await execs.PipeSession.start(self.join, command, stdin=stdin)

    async def run(self, command: list[str], timeout: float) -> tuple[int, str]:
        """Run a command to its end: (exit code, output). `TimeoutError` after `timeout` seconds."""
        try:
            return await execs.run(self.join, command, timeout)
        except StartFailed as error:
            return 128, str(error)

    def use(self, processes: Processes) -> Use:
        """What the programs in the box use, as far as they could be seen alive."""
        inside = [self._host, *self._guests]
        return self._meter.read(processes, [item.pid for item in inside if item is not None and item.running])

    def expand(self, words: list[str]) -> list[str]:
        """``$(NAME)`` in commands and arguments."""
        return [environment.expand(word, self._env) for word in words]

    def close(self) -> None:
        """End all programs that joined."""
        for guest in self._guests:
            guest.kill()
        self._guests.clear()

    def _check(self, command: list[str]) -> None:
        if not command:
            raise StartFailed("StartError", "unable to start container process: no command specified")
        program = command[0]
        if not self._view.finds(program, self._env.get("PATH", "")):
            why = "no such file or directory" if "/" in program else "executable file not found in $PATH"
            raise StartFailed("StartError", f'unable to start container process: exec: "{program}": {why}')


async def _environment(
    context: PodContext, spec: Object, program: Program, drivers: devices.Injection
) -> dict[str, str]:
    node, pod = context.node, context.pod
    path = [*drivers.path, *program.path, *SYSTEM_PATH.split(":"), str(environment.PYTHON_BIN)]
    start = environment.base(path, PACKAGE.parent, context.facts.ip, hosts.host_name(pod))
    start |= program.env
    links = pod["spec"].get("enableServiceLinks", True)
    start |= environment.service_links(node.services, pod["metadata"]["namespace"], links)
    works = os.geteuid() == 0 and not node.settings.guest
    start |= environment.api_address(node.slices, works)
    start |= drivers.variables
    return await environment.of_container(node.client, spec, context.facts, start)


def _prepare(node: NodeContext, view: View) -> None:
    """A fresh writable layer for every run, as a container has."""
    if view.root.exists():
        shutil.rmtree(view.root)
    view.root.mkdir()
    view.root.chmod(0o755)
    node.isolation.prepare(view)
