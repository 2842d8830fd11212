"""What else can go wrong on a machine, one outcome each: a disk that is full, a process that stands still, a clock that
jumps, a pod that writes without end; and what others on the machine must not see.

A minute altogether, so only when asked for: ``raglab test -m long tests/reliability/test_faults.py``.
"""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from raglab.pocket.config import Settings
from raglab.pocket.node import guardian, logs
from tests.pocket.conftest import Cluster, _ready, addresses, defaults, eventually, isolated, start, stop
from tests.pocket.test_pods import pod

pytestmark = [pytest.mark.pocket, pytest.mark.long, pytest.mark.timeout(300)]
WAIT = "example.com/wait:1"
CLOCKED = Path(__file__).with_name("clocked.py")
SLACK = 256 * 1024
"""Bytes by which a log file may be longer than where it ends: what was read at once."""
DISK = 6
"""Megabytes of the disk that gets full."""


@contextmanager
def started(command: list[str], base: Path, state: Path, seen: Path, **more: Any) -> Iterator[Cluster]:
    """A cluster by another command, with ``config.yaml`` and ``log`` in `base`; we see its `state` folder at `seen`."""
    with addresses() as own:
        settings = defaults() | {"audit_megabytes": 1} | own | more
        Settings(state=state, **settings).dump(base / "config.yaml")
        with (base / "log").open("wb") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        place = Path(str(seen).format(pid=process.pid))
        cluster = Cluster(place, base / "home", process, settings)
        try:
            eventually(lambda: process.poll() is not None or (place.exists() and _ready(cluster)))
            assert process.poll() is None, (base / "log").read_text()[-3000:]
            yield cluster
            stop(cluster)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Cluster]:
    """A cluster whose state lies on a disk of its own, which is smaller than others."""
    disk = tmp_path / "disk"
    disk.mkdir()
    here = f"mount -t tmpfs -o size={DISK}m none {disk} && exec"
    tried = subprocess.run(["unshare", "-r", "-m", "sh", "-c", f"{here} true"], capture_output=True)
    if tried.returncode:
        pytest.skip("this machine does not let a user mount a disk of memory")
    run = f"{here} {sys.executable} -m raglab.pocket --config {tmp_path}/config.yaml"
    state = disk / "state"
    command = ["unshare", "-r", "-m", "sh", "-c", run]
    seen = Path(f"/proc/{{pid}}/root{state}")
    with started(command, tmp_path, state, seen) as cluster:
        yield cluster


def fill(cluster: Cluster) -> Path:
    """Write to the cluster's disk until nothing more fits."""
    filler = cluster.state.parent / "filler"
    with pytest.raises(OSError, match="No space left"), filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler


def test_a_full_disk_stops_writing_and_nothing_else(small_disk: Cluster):
    cluster = small_disk
    cluster.kubectl("create", "configmap", "before", "--from-literal=a=1")
    cluster.kubectl("run", "p", f"--image={WAIT}")
    cluster.kubectl("wait", "--for=condition=Ready", "pod/p", "--timeout=30s")
    filler = fill(cluster)
    for refused in (
        ("create", "configmap", "b", f"--from-literal=a={'x' * 20_000}"),
        ("delete", "configmap", "before"),
        ("run", "q", f"--image={WAIT}"),
    ):
        assert "database or disk is full; free some space there" in cluster.refused(*refused)
    assert cluster.json("get", "configmap", "before")["data"] == {"a": "1"}
    assert "Running" in cluster.kubectl("get", "pod", "p")
    cluster.kubectl("exec", "p", "--", "true")
    filler.unlink()
    cluster.kubectl("delete", "configmap", "before")
    cluster.kubectl("run", "q", f"--image={WAIT}")
    cluster.kubectl("wait", "--for=condition=Ready", "pod/q", "--timeout=30s")
    assert "Traceback" not in (cluster.home.parent / "log").read_text()


def test_a_process_that_stood_still_goes_on(tmp_path: Path):
    with isolated(tmp_path, "bubblewrap") as cluster:
        cluster.kubectl("run", "p", f"--image={WAIT}")
        cluster.kubectl("wait", "--for=condition=Ready", "pod/p", "--timeout=30s")
        watching = subprocess.Popen(
            [Path(sys.executable).with_name("kubectl"), "get", "configmaps", "-w", "-o", "name"],
            env=cluster.environment,
            stdout=subprocess.PIPE,
        )
        assert watching.stdout is not None and b"kube-root-ca" in watching.stdout.readline()
        cluster.process.send_signal(signal.SIGSTOP)
        asking = subprocess.Popen(
            [Path(sys.executable).with_name("kubectl"), "create", "configmap", "asked"],
            env=cluster.environment,
        )
        time.sleep(3)
        assert asking.poll() is None, "nobody answers meanwhile"
        cluster.process.send_signal(signal.SIGCONT)
        assert asking.wait(30) == 0
        assert watching.stdout.readline() == b"configmap/asked\n"
        watching.kill()
        watching.wait()
        state = cluster.json("get", "pod", "p")["status"]
        assert (state["phase"], state["containerStatuses"][0]["restartCount"]) == ("Running", 0)
        node = cluster.json("get", "node", "minikube")["status"]["conditions"]
        assert {item["type"]: item["status"] for item in node}["Ready"] == "True"


@pytest.mark.parametrize("seconds", [7200, -7200])
def test_a_clock_that_jumps(tmp_path: Path, seconds: int):
    """Pods go on, new ones start, the node is ready (again, after one heartbeat), and versions only grow."""
    offset = tmp_path / "offset"
    offset.write_text("0")
    state = tmp_path / "state"
    command = [sys.executable, str(CLOCKED), str(tmp_path / "config.yaml"), str(offset)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
        with started(command, tmp_path, state, state) as cluster:
            cluster.kubectl("create", "deployment", "d", f"--image={WAIT}")
            cluster.kubectl("rollout", "status", "deployment/d", "--timeout=30s")
            before = cluster.json("get", "pods")["items"][0]
            (tmp_path / "next").write_text(str(seconds))
            (tmp_path / "next").replace(offset)
            cluster.kubectl("scale", "deployment/d", "--replicas=2")
            cluster.kubectl("rollout", "status", "deployment/d", "--timeout=60s")
            cluster.kubectl("wait", "--for=condition=Ready", "node/minikube", "--timeout=60s")
            pods = {item["metadata"]["uid"]: item for item in cluster.json("get", "pods")["items"]}
            assert len(pods) == 2 and pods[before["metadata"]["uid"]]["status"]["phase"] == "Running"
            versions = [int(item["metadata"]["resourceVersion"]) for item in pods.values()]
            assert min(versions) >= int(before["metadata"]["resourceVersion"])
            assert cluster.kubectl("get", "pods,deployments,events")
            assert "Traceback" not in (tmp_path / "log").read_text()


def test_a_pod_that_writes_without_end(tmp_path: Path):
    """Its log is bounded, it is slowed down, and everybody else is served."""
    with isolated(tmp_path, "bubblewrap") as cluster:
        cluster.apply(pod("flood", "busybox", "yes aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"))
        folder = cluster.state / "pods"
        most = logs.KEEP * (logs.ROTATE + SLACK)
        size = 0.0

        def flooded() -> bool:
            nonlocal size
            files = list(folder.glob("*/logs/c/0.log*"))
            size = sum(file.stat().st_size for file in files if file.exists())
            assert len(files) <= logs.KEEP and size <= most
            return len(files) == logs.KEEP

        eventually(flooded, 120)
        begun = time.monotonic()
        cluster.kubectl("get", "pods")
        print(f"{size / 1e6:.0f} MB kept; kubectl get pods took {time.monotonic() - begun:.2f} s meanwhile")
        assert cluster.kubectl("logs", "flood", "--tail=2").count("\n") == 2
        cluster.kubectl("delete", "pod", "flood", "--grace-period=1")
        eventually(lambda: not list(folder.glob("*/logs")), 30)


def test_two_in_one_folder_and_a_port_that_is_taken(tmp_path: Path):
    with isolated(tmp_path, "bubblewrap") as cluster:
        config = tmp_path / "state.yaml"
        command = [sys.executable, "-m", "raglab.pocket", "--config", str(config)]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert second.returncode == 1
        assert second.stderr.strip() == f"a cluster is running in {cluster.state} already; stop it first"
        assert "minikube" in cluster.kubectl("get", "nodes")
        stop(cluster)
        port = int((cluster.state / "run" / "port").read_text())
        with socket.create_server(("127.0.0.1", port)):
            taken = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert taken.returncode == 1 and "Traceback" not in taken.stderr
        assert f"port {port} on 127.0.0.1 is taken by another program" in taken.stderr.splitlines()[-1]
        cluster.process = start(cluster.state, cluster.home, **cluster.settings).process


def test_what_others_on_the_machine_can_see(tmp_path: Path):
    """No socket beyond loopback, no credential in any command line, no file that is open to others."""
    with isolated(tmp_path, "bubblewrap") as cluster:
        cluster.kubectl("create", "secret", "generic", "s", "--from-literal=password=hunter2hunter2")
        cluster.apply(
            pod("web", "example.com/web:1", labels={"app": "web"}, envFrom=[{"secretRef": {"name": "s"}}]),
            pod("mounts", WAIT, volumeMounts=[{"name": "s", "mountPath": "/s"}],
                volumes=[{"name": "s", "secret": {"secretName": "s"}}]),
        )  # fmt: skip
        cluster.kubectl("expose", "pod", "web", "--port=80", "--target-port=8080", "--type=NodePort")
        cluster.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
        ours = {cluster.process.pid, *guardian.marked((cluster.state / "run" / "mark").read_text())}
        ours |= {child.pid for child in psutil.Process(cluster.process.pid).children(recursive=True)}
        eventually(lambda: len(_listening(ours)) >= 3, 30)
        assert all(address.startswith("127.") for address in _listening(ours)), _listening(ours)
        secrets = [(cluster.state / "pki" / "token").read_text(), "hunter2hunter2"]
        lines = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
        assert not [line for line in lines if any(secret in line for secret in secrets)]
        assert cluster.state.stat().st_mode & 0o077 == 0, "nobody else reaches anything below"
        log = (tmp_path / "state.log").read_text() + (cluster.state / "log" / "audit.log").read_text()
        assert not any(secret in log for secret in secrets)


def _listening(pids: set[int]) -> list[str]:
    found = psutil.net_connections("inet")
    return [item.laddr.ip for item in found if item.status == psutil.CONN_LISTEN and item.pid in pids]
