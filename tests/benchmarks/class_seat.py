"""One learner's lab as `bench_class.py` measures it: started, asked, counted and ended."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil

from raglab.targets.network import listening
from tests.benchmarks import class_probe
from tests.cli.lab import Lab, wait_until

LIMIT = 600.0
"""Seconds for whatever a lab is asked, on a machine that many share."""
PROBE = [sys.executable, class_probe.__file__]


class Seat:
    """A lab with JupyterLab, a kernel, and the RAG application with a document in it."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        lab.begin("lab")
        record = lab.home / "jupyter" / "server.json"
        wait_until(record.exists, lambda: "JupyterLab did not start", LIMIT)
        self.seconds: float = json.loads(together([self], "prepare")[0])
        self.kernel = self.begin("kernel")

    def begin(self, what: str) -> subprocess.Popen[str]:
        """A probe in this lab that is ready, and goes on when it is sent a line."""
        pipe = subprocess.PIPE
        probe = subprocess.Popen(
            [*PROBE, what],
            env=self.lab.variables,
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.DEVNULL,
            text=True,
            cwd="/",
        )
        assert probe.stdout and probe.stdout.readline() == "ready\n", f"the probe {what} did not start"
        return probe

    def processes(self) -> list[psutil.Process]:
        """Cluster, pods, JupyterLab and the notebook's kernel, without the probe that started it."""
        own = {process.pid: process for process in self.lab.processes()}
        own |= {child.pid: child for child in self.lab.cluster().children(recursive=True)}
        return [process for pid, process in own.items() if pid != self.kernel.pid]

    def memory(self) -> float:
        """Bytes, pages that several processes share divided among them."""
        return sum(map(_share, self.processes()))

    def notebooks(self) -> float:
        """The part of it that is JupyterLab and the kernel."""
        return sum(_share(process) for process in self.processes() if _is_jupyter(process))

    def cpu(self) -> float:
        """CPU seconds so far of the processes that live now."""
        return sum(map(_seconds, self.processes()))

    def disk(self) -> float:
        """Bytes in the state folder."""
        files = self.lab.home.rglob("*")
        return sum(file.lstat().st_size for file in files if file.is_file() and not file.is_symlink())

    def ports(self) -> int:
        """Addresses of this lab on which something listens."""
        own = self.lab.network
        begins = (*(cidr.rsplit(".", 2)[0] + "." for cidr in (own.pod_cidr, own.service_cidr)), own.node_ip)
        return sum(str(ip).startswith(begins) for ip, _ in listening())

    def leave(self) -> None:
        """End the notebook's kernel; `raglab down` ends all else."""
        self.kernel.communicate("\n", timeout=LIMIT)


def together(seats: list[Seat], what: str) -> list[str]:
    """What the probes of all seats print when they begin at the same moment."""
    probes = [seat.begin(what) for seat in seats]
    for probe in probes:
        assert probe.stdin
        probe.stdin.write("\n")
        probe.stdin.flush()
    return [probe.communicate(timeout=LIMIT)[0] for probe in probes]


def _share(process: psutil.Process) -> int:
    try:
        text = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
    except OSError:  # it has ended meanwhile
        return 0
    return next((int(line.split()[1]) * 1024 for line in text.splitlines() if line.startswith("Pss:")), 0)


def _is_jupyter(process: psutil.Process) -> bool:
    try:
        return any(word in " ".join(process.cmdline()) for word in ("jupyter-lab", "ipykernel_launcher"))
    except psutil.NoSuchProcess:
        return False


def _seconds(process: psutil.Process) -> float:
    try:
        return sum(process.cpu_times()[:2])
    except psutil.NoSuchProcess:
        return 0.0
