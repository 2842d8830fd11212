"""Starts the lab's services as processes, each on a loopback address of its own, and ends them whatever happens."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from raglab.paths import CHECKOUT, home
from raglab.services import models as model_files
from raglab.services.prometheus import install

LIMIT = 60.0
_numbers = itertools.count(1)


@dataclass
class Running:
    """A started program: its address, and what it has printed so far."""

    name: str
    host: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def address(self) -> str:
        return f"{self.host}:{self.port}"

    def output(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self, number: int = signal.SIGTERM, limit: float = LIMIT) -> int:
        """Send a signal and wait for the end; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(limit)

    def wait_until(self, ready: Callable[[], bool], limit: float = LIMIT) -> Running:
        """Wait until `ready` answers true; a program that ended or takes too long fails the test with its log."""
        deadline = time.monotonic() + limit
        while not ready():
            if self.process.poll() is not None:
                pytest.fail(f"{self.name} ended with {self.process.returncode}:\n{self.output()[-3000:]}")
            if time.monotonic() > deadline:
                pytest.fail(f"{self.name} is not ready after {limit} s:\n{self.output()[-3000:]}")
            time.sleep(0.02)
        return self

    def answers(self, path: str) -> bool:
        """Whether GET gives 200."""
        try:
            return httpx.get(self.url + path, timeout=10, trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def listens(self) -> bool:
        try:
            socket.create_connection((self.host, self.port), timeout=10).close()
        except OSError:
            return False
        return True


Start = Callable[..., Running]


def free_address() -> str:
    """A loopback address that no test and no lab of this machine uses now: named by process id and a counter."""
    number = next(_numbers)
    return f"127.201.{os.getpid() % 254 + 1}.{number % 254 + 1}"


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """``service(module, port, env)`` starts ``python -m module`` with HOST and POD_IP set to an address of its own."""
    started: list[Running] = []

    def start(module: str, port: int, env: dict[str, str] | None = None, host: str = "", args=()) -> Running:
        host = host or free_address()
        name = module.rpartition(".")[2]
        log = tmp_path_factory.mktemp("log") / f"{name}.log"
        base = {"PATH": os.environ["PATH"], "HOST": host, "POD_IP": host, "PYTHONPATH": str(CHECKOUT)}
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *args],
                env=base | {"PYTHONUNBUFFERED": "1"} | (env or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=log.parent,
                start_new_session=True,
            )
        running = Running(name, host, port, process, log)
        started.append(running)
        return running

    yield start
    for running in reversed(started):
        if running.process.poll() is None:
            running.process.terminate()
    for running in reversed(started):
        try:
            running.process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(running.process.pid, signal.SIGKILL)
            running.process.wait()


@pytest.fixture(scope="session")
def models() -> Path:
    """The prepared model folder; made on first use."""
    folder = Path(os.environ.get("RAGLAB_MODELS") or home() / "models").absolute()
    model_files.prepare(folder, lambda text, share: None)
    return folder


@pytest.fixture(scope="session")
def prometheus() -> Path:
    """The folder with the real ``prometheus`` and ``promtool``; fetched on first use."""
    return install.prepare(install.place(home()), lambda text, share: None)


@pytest.fixture(scope="session")
def embedding_nim(service: Start, models: Path) -> Running:
    """The embedding NIM stand-in, ready."""
    env = {"RAGLAB_MODELS": str(models), "NIM_HTTP_API_PORT": "9080"}
    running = service("raglab.services.nim.embedding", 9080, env)
    return running.wait_until(lambda: running.answers("/v1/health/ready"))


@pytest.fixture(scope="session")
def llm_nim(service: Start, models: Path) -> Running:
    """The LLM NIM stand-in, ready."""
    env = {"RAGLAB_MODELS": str(models), "NIM_SERVER_PORT": "8005"}
    running = service("raglab.services.nim.llm", 8005, env)
    return running.wait_until(lambda: running.answers("/v1/health/ready"))
