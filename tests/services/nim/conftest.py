"""Real model processes for the tests: prepared once, started once per session, spoken to over HTTP only."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from raglab.services import models

ADDRESS = "127.200.0.1"
"""Outside the ranges of any lab on this machine: see raglab/targets/network.py."""
START_SECONDS = 60


@dataclass
class Nim:
    """A running stand-in."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=100, trust_env=False)

    def wait_until(self, path: str, status: int) -> None:
        """Polls a management path until it answers with `status`; fails with the log after a bounded time."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, self.log.read_text()
            try:
                if httpx.get(self.url + path, timeout=5, trust_env=False).status_code == status:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.05)
        pytest.fail(f"{path} never answered {status}:\n{self.log.read_text()}")

    def stop(self) -> int:
        """SIGTERM, then the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return probe.getsockname()[1]


@contextmanager
def running(module: str, folder: Path, **environment: str) -> Iterator[Nim]:
    port = str(free_port())
    env = os.environ | {"POD_IP": ADDRESS, "RAGLAB_MODELS": str(folder), "NIM_SERVER_PORT": port}
    env |= {"NIM_HTTP_API_PORT": port} | environment
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "log"
        command = [sys.executable, "-m", f"raglab.services.nim.{module}"]
        with log.open("wb") as output:
            process = subprocess.Popen(command, env=env | {"TMPDIR": scratch}, stdout=output, stderr=output)
        try:
            nim = Nim(f"http://{ADDRESS}:{port}", process, log)
            nim.wait_until("/v1/health/ready", 200)
            yield nim
        finally:
            process.kill()
            process.wait(10)


@pytest.fixture(scope="session")
def model_folder() -> Path:
    """Whole models: those the lab has, or a folder of the tests' own that later runs find again."""
    env = os.environ
    home = env.get("RAGLAB_MODELS") or (f"{env['RAGLAB_HOME']}/models" if env.get("RAGLAB_HOME") else "")
    folder = Path(home or f"{tempfile.gettempdir()}/raglab-test-models-{os.getuid()}")
    models.prepare(folder, lambda step, share: None)
    return folder


@pytest.fixture(scope="session")
def llm(model_folder: Path) -> Iterator[Nim]:
    with running("llm", model_folder) as nim:
        yield nim


@pytest.fixture(scope="session")
def embedding(model_folder: Path) -> Iterator[Nim]:
    with running("embedding", model_folder) as nim:
        yield nim


@pytest.fixture
def start(model_folder: Path) -> Iterator[Callable[..., Nim]]:
    """Starts a stand-in with settings of its own."""
    with ExitStack() as stack:
        yield lambda module, **environment: stack.enter_context(running(module, model_folder, **environment))
