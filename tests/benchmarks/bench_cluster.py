"""How fast and how small is the pocket cluster? ``python tests/benchmarks/bench_cluster.py``

Runs the real commands in a state folder of its own and prints each figure beside its target and, where one was
recorded, the figure of a real Kubernetes 1.36 control plane on the same kind of machine.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import psutil

from raglab import paths
from raglab.targets import Pocket

CHARTS = ("nemollm-inference", "nemollm-embedding", "rag-app")
CONFIG = paths.CHECKOUT / "kubernetes-config"
RAGLAB = [sys.executable, "-c", "from raglab.cli import main; main()"]
STARTS = 5


def timed(*command: str) -> float:
    """Wall seconds of a command that must succeed."""
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, timeout=180)
    return time.perf_counter() - started


def row(name: str, measured: str, target: str, real: str = "") -> None:
    print(f"{name:44} {measured:>14} {target:>12}   {real}")


def starts() -> list[float]:
    """Seconds from `raglab up` to a ready API, with what a previous run left in place."""
    seconds = []
    for _ in range(STARTS):
        seconds.append(timed(*RAGLAB, "up"))
        timed(*RAGLAB, "down")
    return seconds


def deployment() -> float:
    """Seconds from the first Helm command until every pod of three charts is ready."""
    timed("kubectl", "apply", "-f", str(CONFIG / "namespace.yaml"), "-f", str(CONFIG / "storage"))
    started = time.perf_counter()
    for chart in CHARTS:
        values = str(CONFIG / "values" / "pocket" / f"{chart}.yaml")
        timed("helm", "install", chart, str(CONFIG / "charts" / chart), "-n", "rag-sample", "-f", values)
    for workload in (
        "statefulset/nemollm-inference",
        "statefulset/nemollm-embedding",
        "statefulset/pgvector",
        "deployment/query-router",
        "deployment/frontend",
    ):
        timed("kubectl", "rollout", "status", workload, "-n", "rag-sample", "--timeout=120s")
    return time.perf_counter() - started


def pod_start() -> float:
    """Seconds from creating a pod until it runs, as a client sees it (kubectl's own start included)."""
    started = time.perf_counter()
    timed("kubectl", "run", "quick", "--image=busybox:1.36", "--restart=Never", "--", "cat", "/dev/zero")
    timed("kubectl", "wait", "pod/quick", "--for=jsonpath={.status.phase}=Running", "--timeout=30s")
    taken = time.perf_counter() - started
    timed("kubectl", "delete", "pod", "quick", "--force", "--grace-period=0")
    return taken


def resident_megabytes(home: Path) -> float:
    """Of the cluster's one process, without its pods."""
    pid = json.loads((home / "pocket" / "run" / "ready.json").read_text())["pid"]
    return psutil.Process(pid).memory_info().rss / 1e6


def installed_megabytes() -> float:
    """Everything the lab puts on disk: the virtual environment and the models."""
    sizes = (
        f.stat().st_size
        for root in (Path(sys.prefix), paths.models())
        for f in root.rglob("*")
        if f.is_file()
    )
    return sum(sizes) / 1e6


def main() -> None:
    models = str(paths.models())
    home = Path(tempfile.mkdtemp(prefix="raglab-bench-"))
    os.environ |= {"RAGLAB_HOME": str(home), "RAGLAB_MODELS": models}
    os.environ |= Pocket().environment()
    print(f"{psutil.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    row("figure", "measured", "target", "real control plane")
    try:
        row("first `raglab up`, schemas compiled", f"{timed(*RAGLAB, 'up'):.2f} s", "")
        timed(*RAGLAB, "down")
        row(
            f"`raglab up`, median of {STARTS}",
            f"{median(starts()):.2f} s",
            "<= 1.5 s",
            "3.0 s median to its API",
        )
        timed(*RAGLAB, "up")
        row("memory of the cluster without pods", f"{resident_megabytes(home):.0f} MB", "<= 130 MB", "525 MB")
        row("kubectl run until Running", f"{pod_start():.2f} s", "")
        row("three charts installed until all ready", f"{deployment():.1f} s", "<= 30 s", "")
        row("memory of the cluster with the application", f"{resident_megabytes(home):.0f} MB", "", "")
        pods = json.loads(subprocess.check_output(["kubectl", "get", "pods", "-A", "-o", "json"]))["items"]
        row("pods running", str(sum(p["status"]["phase"] == "Running" for p in pods)), "4")
        row("installed, with models", f"{installed_megabytes() / 1e3:.2f} GB", "<= 2 GB")
    finally:
        subprocess.run([*RAGLAB, "down"], capture_output=True, timeout=180)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
