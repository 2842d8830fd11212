"""The pocket target: starts, finds and stops the small cluster that runs on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from raglab import paths
from raglab.gpus import inventory
from raglab.pocket.config import Settings
from raglab.targets.base import Report, Target, TargetError

START_LIMIT = 30.0  # seconds; a start takes about one
NODE_LABELS = {
    "minikube.k8s.io/name": "minikube",
    "minikube.k8s.io/primary": "true",
    "node-role.kubernetes.io/control-plane": "",
}
STOP_LIMIT = 90.0  # seconds; pods may use their whole termination grace


class Pocket(Target):
    """A cluster of local processes whose files all lie in ``RAGLAB_HOME/pocket``."""

    name = "pocket"
    simulated = (
        "the Kubernetes control plane and node (raglab.pocket; pods are local processes)",
        "the four GPUs (no hardware behind nvidia.com/gpu)",
        "the two NIMs (small CPU models answer in NVIDIA's API)",
    )

    def __init__(self) -> None:
        self.state = paths.home() / "pocket"

    def settings(self) -> Settings:
        """What this lab's cluster is told: its images, devices and labels."""
        gpus = inventory.load()
        folders = {"services": paths.SERVICES, "models": paths.models(), "home": paths.home()}
        return Settings(
            state=self.state,
            schema_cache=paths.home() / "cache" / "schemas",
            image_catalogues=(paths.SERVICES / "images.yaml",),
            node_labels=NODE_LABELS | gpus.node_labels(),
            devices=gpus.devices(),
            variables={name: str(folder) for name, folder in folders.items()},
            backoff_base=float(os.environ.get("RAGLAB_BACKOFF", "10")),
        )

    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    def node_address(self) -> str:
        return "127.0.0.1"

    def process(self) -> psutil.Process | None:
        """The running cluster process, if there is one and it is ours (not a reused pid)."""
        try:
            ready = json.loads((self.state / "run" / "ready.json").read_text())
            process = psutil.Process(ready["pid"])
            return process if abs(process.create_time() - ready["created"]) < 1 else None
        except (OSError, ValueError, KeyError, psutil.Error):
            return None

    def is_up(self) -> bool:
        return self.process() is not None

    def up(self, report: Report) -> None:
        if self.is_up():
            report("The pocket cluster is running already")
            return
        started = time.monotonic()
        starter = self._spawn()
        try:
            self._wait_until_ready(starter)
        except BaseException:
            starter.send_signal(signal.SIGTERM)
            starter.wait(STOP_LIMIT)
            raise
        report(f"The pocket cluster is ready after {time.monotonic() - started:.1f} s")

    def down(self, report: Report) -> None:
        process = self.process()
        if process is None:
            report("The pocket cluster is not running")
            return
        process.terminate()
        try:
            process.wait(STOP_LIMIT)
        except psutil.TimeoutExpired:
            process.kill()  # its guardian ends the pods
            process.wait(10)
        report("The pocket cluster and all its pods have ended; what you deployed is kept")

    def log(self) -> Path:
        """What the cluster process prints."""
        return self.state / "log" / "cluster.log"

    def _spawn(self) -> subprocess.Popen[bytes]:
        self.log().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        config = self.state / "config.yaml"
        self.settings().dump(config)
        command = [sys.executable, "-m", "raglab.pocket", "--config", str(config)]
        with self.log().open("ab") as log:
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
        while not self.is_up():
            if starter.poll() is not None or time.monotonic() > deadline:
                last = self.log().read_text(errors="replace").splitlines()[-5:]
                raise TargetError(
                    "The pocket cluster did not start. Its last words:\n  " + "\n  ".join(last),
                    f"Run: raglab doctor   (full log: {self.log()})",
                )
            time.sleep(0.02)
