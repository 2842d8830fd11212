"""One program of a container as a process of this machine: start, signals, end.

A sandboxed program is the grandchild of what was started: bwrap waits outside, a second one is process 1 inside. TERM
goes to the program's group; the end of bwrap ends all that lives inside. In plain mode programs may leave their group,
so what remains after the first process is found by its mark in the environment.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable

import psutil

from raglab.pocket.node import guardian
from raglab.pocket.node.isolation import Launch

START_WAIT = 2.0
"""Seconds a sandbox may take until its program exists to be signalled."""


class Process:
    """A started program. `mark` names it in the environment of all its descendants."""

    def __init__(
        self, process: asyncio.subprocess.Process, mark: str, sandboxed: bool, report: Callable[[str], None]
    ) -> None:
        self._process, self._mark, self._sandboxed, self._report = process, mark, sandboxed, report
        self.pid = process.pid

    @classmethod
    async def start(
        cls,
        launch: Launch,
        mark: str,
        *,
        sandboxed: bool,
        report: Callable[[str], None],
        stdin: int = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
        stderr: int = subprocess.DEVNULL,
    ) -> Process:
        """Start it in a session of its own and `report` the process group to the guardian."""
        try:
            process = await asyncio.create_subprocess_exec(
                *launch.argv,
                env={**launch.env, guardian.MARK: mark},
                cwd=launch.cwd,
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
                pass_fds=launch.descriptors,
                umask=0o022,
            )
        finally:
            for descriptor in launch.descriptors:
                os.close(descriptor)
        report(f"+{process.pid}\n")
        return cls(process, mark, sandboxed, report)

    @property
    def first_inside(self) -> int:
        """Process 1 of the sandbox as this machine counts, or 0 if there is none (yet, or any more)."""
        inside = _children(self.pid) if self._sandboxed else []
        return inside[0] if inside else 0

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def wait(self) -> int:
        """Exit code; 128 + n for a program ended by signal n. Returns when all its descendants are gone too."""
        code = await self._process.wait()
        if not self._sandboxed:
            await asyncio.to_thread(guardian.sweep, self._mark, (), 0.0)
        self._report(f"-{self.pid}\n")
        return 128 - code if code < 0 else code

    async def terminate(self) -> None:
        """Ask the program to end."""
        if not self._sandboxed:
            guardian.signal_all(signal.SIGTERM, [self.pid], [])
            return
        deadline = asyncio.get_running_loop().time() + START_WAIT
        while self.running:
            first = _children(self.pid)
            programs = _children(first[0]) if first else []
            if programs:
                group = _group(first[0])
                guardian.signal_all(
                    signal.SIGTERM, [group] if group else [], [p for p in programs if _group(p) != group]
                )
                return
            if asyncio.get_running_loop().time() > deadline:
                return
            await asyncio.sleep(0.01)

    def kill(self) -> None:
        """End the program and all its descendants now."""
        if self.running:
            guardian.signal_all(signal.SIGKILL, [self.pid], [])

    async def stop(self, grace: float) -> int:
        """Ask it to end, and force it after `grace` seconds."""
        await self.terminate()
        try:
            async with asyncio.timeout(grace):
                return await asyncio.shield(self.wait())
        except TimeoutError:
            self.kill()
            return await self.wait()


def _children(pid: int) -> list[int]:
    try:
        return [child.pid for child in psutil.Process(pid).children()]
    except psutil.Error:
        return []


def _group(pid: int) -> int | None:
    try:
        return os.getpgid(pid)
    except ProcessLookupError:
        return None
