"""The cluster process: starting it in the background, finding it again, and ending it with everything it started."""

from __future__ import annotations

import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil

from raglab.pocket.config import Settings
from raglab.pocket.node import guardian
from raglab.targets import processes
from raglab.targets.base import TargetError

START_LIMIT = 30.0  # seconds; a start takes about one
STOP_LIMIT = 90.0  # seconds; pods may use their whole termination grace
ANSWER_LIMIT = 5.0  # seconds
INTERVAL = 0.02  # seconds


class Daemon:
    """The process that runs the cluster of one state folder."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.record, self.ready = state / "run" / "process.json", state / "run" / "ready.json"
        self.log = state / "log" / "cluster.log"

    def process(self) -> psutil.Process | None:
        """The process, whether it is starting, ready or ending."""
        return processes.recall(self.ready) or processes.recall(self.record)

    def is_ready(self) -> bool:
        """Whether the process lives and has said that its API answers."""
        return processes.recall(self.ready) is not None

    def crashed(self) -> bool:
        """Whether the last run ended by itself or was killed, rather than stopped."""
        return self.process() is None and self.record.exists()

    def start(self, settings: Settings, told: Callable[[float], None]) -> None:
        """Start the process, wait until its API answers, and call `told` with the seconds that took.

        If that fails or is interrupted, the process is ended again: nothing runs that nobody was told of.
        """
        started, starter = time.monotonic(), None
        try:
            with processes.uninterrupted():  # or the process could be there and nobody know of it
                starter = self._spawn(settings)
                processes.remember(self.record, starter.pid)
            self._wait_until_ready(starter)
            told(time.monotonic() - started)
        except BaseException:
            if starter is not None:
                starter.terminate()
                starter.wait(STOP_LIMIT)
            raise

    def stop(self) -> bool:
        """End the process and every pod, also pods that a killed process left; False if there was nothing."""
        self.wake()
        process = self.process()
        if process is not None:
            processes.end(process, STOP_LIMIT)  # if it must be killed, its guardian ends the pods
        left = self._sweep()
        self.record.unlink(missing_ok=True)
        return process is not None or left > 0

    def kill(self) -> None:
        """End the process and every pod at once, without a chance to put anything down."""
        if (process := self.process()) is not None:
            process.kill()
            processes.gone(process)
        self._sweep(grace=0.0)
        self.record.unlink(missing_ok=True)
        self.ready.unlink(missing_ok=True)

    def freeze(self) -> None:
        """Let the process and its pods stand still until `thaw`. Whoever is born meanwhile is caught as well."""
        if (process := self.process()) is not None:
            process.suspend()
            processes.wait_until_stopped([process.pid])
        still: set[int] = set()
        while moving := set(self._pods()) - still:
            guardian.signal_all(signal.SIGSTOP, (), moving)
            processes.wait_until_stopped(moving)
            still |= moving

    def thaw(self) -> None:
        """Let the process and its pods go on. (A signal to stop that has not arrived yet is taken back with it.)"""
        guardian.signal_all(signal.SIGCONT, (), self._pods())
        if (process := self.process()) is not None:
            process.resume()

    def wake(self) -> None:
        """Let a cluster go on that stands still, because the command that took a snapshot of it was killed."""
        process = self.process()
        if process is not None and process.status() == psutil.STATUS_STOPPED:
            self.thaw()

    def settle(self) -> None:
        """Wait for a process that is still starting or ending, because the command that began it was killed."""
        self.wake()
        process, deadline = self.process(), time.monotonic() + STOP_LIMIT
        while process is not None and processes.lives(process) and not self.is_ready():
            if time.monotonic() > deadline:
                raise TargetError(f"Process {process.pid} of this cluster does not end.", "raglab down")
            time.sleep(INTERVAL)

    def check_answer(self) -> None:
        """A live process may still be stopped or stuck; raise `TargetError` then."""
        trust = ssl.create_default_context(cafile=str(self.state / "pki" / "ca.crt"))
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
        )
        try:
            opener.open(f"{processes.facts(self.ready)['server']}/readyz", timeout=ANSWER_LIMIT).close()
        except urllib.error.HTTPError:
            return  # it answers, if not with yes
        except OSError as error:
            raise TargetError(
                f"The cluster process runs, but its API gives no answer ({error}).",
                "raglab down, then: raglab up",
            ) from error

    def _sweep(self, grace: float = guardian.GRACE) -> int:
        return guardian.sweep(mark, grace=grace) if (mark := self._mark()) else 0

    def _pods(self) -> list[int]:
        return guardian.marked(mark) if (mark := self._mark()) else []

    def _mark(self) -> str:
        """What the environment of every pod's process has; empty if there never was one."""
        try:
            return (self.state / "run" / "mark").read_text()
        except FileNotFoundError:
            return ""

    def _spawn(self, settings: Settings) -> subprocess.Popen[bytes]:
        """The process gets a session of its own, so that a terminal's Ctrl-C does not reach it."""
        config = self.state / "config.yaml"
        self.log.parent.mkdir(mode=0o700, exist_ok=True)
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".log.old"))
        for file in (config, self.log):
            file.touch(mode=0o600)
        settings.dump(config)
        command = [sys.executable, "-m", "raglab.pocket", "--config", str(config)]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.state,
            )

    def _wait_until_ready(self, starter: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_LIMIT
        while not self.is_ready():
            if starter.poll() is not None or time.monotonic() > deadline:
                last = self.log.read_text(errors="replace").splitlines()[-1:] or ["(it said nothing)"]
                raise TargetError(
                    f"The pocket cluster did not start. Its last words: {last[0]}",
                    f"raglab doctor   (full log: {self.log})",
                )
            time.sleep(INTERVAL)
