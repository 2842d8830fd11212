"""Where recordings are replayed: a pocket cluster like the recorded one, and a shell in front of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from raglab.pocket.claims import claim
from tests.pocket import conftest as pocket

HERE = Path(__file__).parent
LABELS = {
    "minikube.k8s.io/name": "minikube",
    "minikube.k8s.io/primary": "true",
    "node-role.kubernetes.io/control-plane": "",
    "node.kubernetes.io/exclude-from-external-load-balancers": "",
    "nvidia.com/gpu.count": "4",
    "nvidia.com/gpu.present": "true",
}
SETTINGS: dict[str, Any] = {
    "image_catalogues": (HERE / "images.yaml",),
    "variables": {"here": str(HERE)},
    "node_labels": LABELS,
    "provisioner": False,
    "namespace_grace_seconds": 5.0,
}
GPU = "nvidia.com/gpu"
SHARED = "/recorder"
"""A folder of the node, the recorder's own: containers shared it where they were recorded."""
LIMIT = 130.0
"""Seconds for one command; the longest recorded one took 60."""


@contextmanager
def alone(scene: str) -> Iterator[None]:
    """Wait until no other replay of the scene runs on this machine: recorded commands name ports that both would use.

    The `claim` is as for networks: visible to all users, gone with the process.
    """
    while True:
        with claim(f"raglab-parity-{scene}") as ours:
            if ours:
                yield
                return
        time.sleep(0.5)


@contextmanager
def stage(folder: Path) -> Iterator[Shell]:
    """A cluster like the recorded one, and a shell in a folder with the recorded manifests."""
    shutil.copytree(HERE / "manifests", folder / "manifests")
    on_node = folder / "state" / "node" / SHARED.strip("/")
    on_node.mkdir(mode=0o700, parents=True)
    (folder / "run").symlink_to(on_node)
    (folder / "venv").symlink_to(sys.prefix)
    gpu = {"ids": ["0", "1", "2", "3"], "env": "VISIBLE_DEVICES", "shared": {SHARED: str(folder / "run")}}
    with pocket.addresses() as own:
        there = {"api_host": own["node_ip"], "api_port": 8443}
        with pocket.running(folder, devices={GPU: gpu}, **SETTINGS, **own, **there) as cluster:
            # helm had nothing set where it was recorded
            own_homes = {
                key: value for key, value in cluster.environment.items() if not key.startswith("HELM_")
            }
            shell = Shell(folder, own_homes | {"NODE_IP": own["node_ip"]})
            try:
                yield shell
            finally:
                shell.close()


@dataclass
class Shell:
    """Runs commands as they were recorded; ``REF`` in them stands for the recorder's folder."""

    folder: Path
    environment: dict[str, str]
    servers: list[subprocess.Popen[str]] = field(default_factory=list)

    def start(self, command: str) -> subprocess.Popen[str]:
        """Begin a command in a process group of its own."""
        line = ["bash", "-c", command.replace("REF", str(self.folder)).replace("{here}", str(HERE))]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            line, cwd=self.folder, env=self.environment, text=True, errors="replace", stdin=subprocess.DEVNULL,
            stdout=pipe, stderr=pipe, start_new_session=True,
        )  # fmt: skip

    def finish(self, process: subprocess.Popen[str], *, interrupt: bool = False) -> tuple[str, str, int]:
        """Output, error and exit code of a begun command, which is sent SIGINT if `interrupt`."""
        if interrupt:
            os.killpg(process.pid, signal.SIGINT)
        try:
            output, error = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, error = process.communicate()
        return (
            output.replace(str(self.folder), "REF"),
            error.replace(str(self.folder), "REF"),
            process.returncode,
        )

    def run(self, command: str) -> tuple[str, str, int]:
        """Run a command to its end."""
        return self.finish(self.start(command))

    def do(self, command: str) -> None:
        """Run what was not recorded itself; with ``&`` at its end it goes on until `close`."""
        if command.endswith("&"):
            self.servers.append(self.start(command.rstrip("& ")))
        else:
            self.run(command)

    def set_up(self, command: str) -> None:
        """As `do`, but the command must succeed."""
        if command.endswith("&"):
            return self.do(command)
        _, error, code = self.run(command)
        if code:
            raise RuntimeError(f"{command}: exit {code}\n{error}")

    def close(self) -> None:
        """End what still runs."""
        for server in self.servers:
            self.finish(server, interrupt=True)
