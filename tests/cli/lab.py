"""A lab of its own for a test: state folder, home folder and addresses that nobody else uses."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from raglab.paths import CHECKOUT
from raglab.targets import processes
from raglab.targets.network import Network

COMMAND_LIMIT = 60.0
WAIT_LIMIT = 30.0


@dataclass
class Lab:
    """What a learner has: a shell with its variables, and the ``raglab`` command."""

    folder: Path
    network: Network
    models: Path
    prometheus: Path
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "state"

    @property
    def state(self) -> Path:
        return self.home / "pocket"

    @property
    def user(self) -> Path:
        """The user's home folder, which must stay as it is."""
        return self.folder / "user"

    @property
    def variables(self) -> dict[str, str]:
        return {
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.user),
            "PYTHONPATH": str(CHECKOUT),
            "RAGLAB_HOME": str(self.home),
            "RAGLAB_MODELS": str(self.models),
            "RAGLAB_PROMETHEUS": str(self.prometheus),
            "RAGLAB_NETWORK": str(self.network.number),
            "NO_BROWSER": "1",
            **self.extra,
        }

    def begin(self, *arguments: str) -> subprocess.Popen[str]:
        """Start ``raglab ARGUMENTS`` in the root folder and go on at once."""
        return subprocess.Popen(
            [sys.executable, "-m", "raglab.cli", *arguments],
            env=self.variables,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str) -> str:
        """Output of a command that succeeds."""
        code, said = self.finish(self.begin(*arguments))
        assert code == 0, said
        return said

    def fails(self, *arguments: str) -> str:
        """Output of a command that must fail with one message and a next step."""
        code, said = self.finish(self.begin(*arguments))
        assert code == 1, f"exit {code}: {said}"
        assert "Next:" in said and "Traceback" not in said, said
        return said

    def finish(self, process: subprocess.Popen[str]) -> tuple[int, str]:
        """Exit code as a shell reports it, and output.

        Python run with ``-m`` ends by SIGINT itself when Ctrl-C met it in code made from text, as that of dataclasses.
        """
        try:
            said, _ = process.communicate(timeout=COMMAND_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail(f"no end after {COMMAND_LIMIT} s: {process.args}")
        code = process.returncode
        return (code if code >= 0 else 128 - code), said

    def interrupt(self, process: subprocess.Popen[str], number: int = signal.SIGINT) -> tuple[int, str]:
        """Send Ctrl-C, or another signal, and wait for the end."""
        process.send_signal(number)
        return self.finish(process)

    def cluster(self) -> psutil.Process:
        """The cluster process."""
        found = processes.recall(self.state / "run" / "ready.json")
        assert found is not None, "no cluster runs"
        return found

    def processes(self) -> list[psutil.Process]:
        """Everything that belongs to this lab: its folder stands in the arguments or the environment."""
        return [process for process in psutil.process_iter() if _mentions(process, str(self.folder))]

    def assert_nothing_left(self) -> None:
        """No process of this lab lives, and nobody listens on its addresses."""
        wait_until(lambda: not self.processes(), lambda: f"still running: {self.processes()}")
        assert self.network.in_use() == []


def wait_until(
    condition: Callable[[], object], otherwise: Callable[[], str], limit: float = WAIT_LIMIT
) -> None:
    """Return when `condition` holds; fail with what `otherwise` says after `limit` seconds."""
    deadline = time.monotonic() + limit
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(otherwise())
        time.sleep(0.01)


def _mentions(process: psutil.Process, text: str) -> bool:
    if process.pid == os.getpid():
        return False
    try:
        return any(text in item for item in [*process.cmdline(), *process.environ().values()])
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return False
