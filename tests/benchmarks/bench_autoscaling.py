"""How true is GPU utilisation, how fast an autoscaler? ``python tests/benchmarks/bench_autoscaling.py``

A lab in a state folder of its own in the state of lesson 06, with rule, adapter, autoscaler and Locust. Ten users come:
seconds until the autoscaler changes the replicas, the second replica's answers per second against one's; for a
minute, the DCGM exporter's utilisation against the busy seconds that the model servers themselves count. Then fifty
users who think for 2 to 5 seconds, for what Locust takes of one core.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from raglab import paths
from raglab.gpus import usage
from raglab.lesson import cluster, load, preparing
from raglab.lesson.scaling import Recording
from raglab.targets import Pocket

CONFIG = paths.CHECKOUT / "kubernetes-config"
RAGLAB = [sys.executable, "-c", "from raglab.cli import main; main()"]
HPA, NIM = "nemollm-inference-hpa", "nemollm-inference"
LIMIT = 180.0  # seconds for any one command
RATED = 20  # seconds in which answers are counted
WINDOW = 60  # seconds in which utilisation and Locust's CPU are measured


def deploy(target: Pocket) -> None:
    """The state of lesson 06 in its third section."""
    preparing.reach("autoscaling", target)
    for file in ("prometheus-rule-gpu.yaml", "hpa-inference.yaml"):
        cluster.kubectl("apply", "-f", str(CONFIG / file))
    own = str(CONFIG / "autoscaling" / "adapter.yaml")
    install("prometheus-adapter", "prometheus-community", "default", "-f", own)
    cluster.kubectl("create", "namespace", "locust")
    users("autoscaling/locust.yaml")


def install(release: str, repository: str, namespace: str, *options: str) -> None:
    address = os.environ["CHARTS_LOCUST" if release == "locust" else "CHARTS_PROMETHEUS"]
    cluster.run("helm", "repo", "add", "--force-update", repository, address)
    values = str(CONFIG / "values" / "pocket" / f"{release}.yaml")
    chart = ("helm", "upgrade", "--install", release, f"{repository}/{release}", "-n", namespace)
    cluster.run(*chart, "-f", values, *options, limit=LIMIT)


def users(values: str, *options: str) -> None:
    name, folder = "rag-loadtest-locustfile", str(paths.CHECKOUT / "locust")
    cluster.kubectl("delete", "configmap", name, "-n", "locust", "--ignore-not-found")
    cluster.kubectl("create", "configmap", name, f"--from-file={folder}", "-n", "locust")
    install("locust", "deliveryhero", "locust", "-f", str(CONFIG / values), *options)
    for part in ("master", "worker"):
        cluster.kubectl(
            "rollout", "status", f"deployment/locust-{part}", "-n", "locust", "--timeout=60s", limit=LIMIT
        )


def scale_out() -> None:
    """Seconds from the load to the decision, and what the second replica brings."""
    run = Recording(HPA, NIM)
    run.until("a first value", lambda run: run.decisions)
    load.users(10)
    seconds = run.until("a decision", lambda run: run.scaled())
    run.until("a second replica", lambda run: run.last.ready == 2)
    print(f"load step to decision          {seconds:5.1f} s (target: <= 45)")
    print(f"answers with two replicas      {answers(RATED):5.2f} a second")


def answers(seconds: float) -> float:
    """Answers a second, over some seconds."""
    first = load.statistics()["stats"][-1]["num_requests"]
    time.sleep(seconds)
    return (load.statistics()["stats"][-1]["num_requests"] - first) / seconds


def busy_seconds(folder: Path) -> float:
    """Busy seconds that the language model servers have counted so far."""
    return sum(process.busy for process in usage.read(folder) if "llm" in process.program.lower())


def utilisation(folder: Path) -> None:
    """One replica, one user: neither idle nor always busy. What the exporter says, and what the servers counted."""
    cluster.kubectl("delete", "hpa", "--all", "-n", cluster.NAMESPACE)
    cluster.kubectl("scale", f"statefulset/{NIM}", "-n", cluster.NAMESPACE, "--replicas=1")
    gone = ("wait", f"pod/{NIM}-1", "-n", cluster.NAMESPACE, "--for=delete", "--timeout=60s")
    cluster.kubectl(*gone, limit=LIMIT)
    print(f"answers with one replica       {answers(RATED):5.2f} a second")
    load.users(0)
    load.users(1)
    time.sleep(5)
    began, before = time.monotonic(), busy_seconds(folder)
    time.sleep(WINDOW)
    counted = 100 * (busy_seconds(folder) - before) / (time.monotonic() - began)
    query = f'sum(avg_over_time(DCGM_FI_DEV_GPU_UTIL{{exported_pod="{NIM}-0"}}[{WINDOW}s]))'
    exported = load.query(query)[0]
    print(f"GPU busy over a minute         {exported:5.1f} % exported, {counted:.1f} % counted by the server")
    print(f"difference                     {abs(exported - counted):5.1f} points (target: <= 5)")


def locust_cpu() -> None:
    """What Locust's own processes take of one core with fifty users of the default pace."""
    load.users(0)
    users("autoscaling/locust.yaml", "--set-string", "loadtest.environment.LOAD_WAIT=2\\,5")
    load.users(50)
    before = cpu_seconds()
    time.sleep(WINDOW)
    print(
        f"Locust, 50 users               {100 * (cpu_seconds() - before) / WINDOW:5.1f} % of a core (target: <= 5)"
    )


def cpu_seconds() -> float:
    """CPU time so far of Locust's master and worker in this lab."""
    total = 0.0
    for process in psutil.process_iter(["cmdline", "environ", "cpu_times"]):
        command, home = (
            process.info["cmdline"] or [],
            (process.info["environ"] or {}).get("LOCUST_LOCUSTFILE"),
        )
        if home and any("locust" in word for word in command[:3]):
            times = process.info["cpu_times"]
            total += times.user + times.system
    return total


def main() -> None:
    models = str(paths.models())
    home = Path(tempfile.mkdtemp(prefix="raglab-bench-"))
    os.environ |= {"RAGLAB_HOME": str(home), "RAGLAB_MODELS": models}
    target = Pocket()
    os.environ |= target.environment()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    try:
        subprocess.run([*RAGLAB, "up"], check=True, timeout=LIMIT)
        deploy(target)
        scale_out()
        utilisation(home / "pocket" / "node" / usage.DRIVER.lstrip("/"))
        locust_cpu()
    finally:
        subprocess.run([*RAGLAB, "down"], capture_output=True, timeout=LIMIT)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
