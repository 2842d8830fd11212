"""No pod process outlives its cluster, however that ends; and everything runs again afterwards."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from raglab.pocket.node import guardian
from tests.pocket.conftest import Cluster, addresses, start, stop
from tests.pocket.test_pods import Pods, pod

pytestmark = pytest.mark.pocket


@pytest.fixture(params=["bubblewrap", "plain"])
def own(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster of its own, with other addresses than the shared one."""
    if request.param == "plain":
        monkeypatch.setenv("RAGLAB_ISOLATION", "plain")
    with addresses() as ranges:
        cluster = start(tmp_path / "state", tmp_path / "home", **ranges)
        yield cluster
        if cluster.process.poll() is None:
            stop(cluster)


def start_again(cluster: Cluster) -> Cluster:
    """The next life of a cluster that has ended."""
    return start(cluster.state, cluster.home, **cluster.settings)


def strays(cluster: Cluster) -> list[int]:
    return guardian.marked((cluster.state / "run" / "mark").read_text())


def gone(cluster: Cluster, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while left := strays(cluster):
        assert time.monotonic() < deadline, f"still alive: {left}"
        time.sleep(0.05)


def fill(cluster: Cluster) -> Pods:
    """Pods that resist: deaf to TERM, with children outside their process group."""
    pods = Pods(cluster, "default")
    names = [f"p{number}" for number in range(4)]
    pods.create(*(pod(name, "example.com/stubborn:1", restartPolicy="Always") for name in names))
    for name in names:
        pods.wait(name, ".status.phase", "Running")
    assert len(strays(cluster)) >= 8
    return pods


def test_kill_9_of_the_cluster_leaves_no_process_and_loses_no_pod(own: Cluster):
    pods = fill(own)
    own.process.send_signal(signal.SIGKILL)
    own.process.wait()
    gone(own, 10)
    again = start_again(own)
    try:
        after = Pods(again, "default")
        after.wait("p0", ".status.containerStatuses[0].restartCount", "1")
        after.kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
        container = after.container("p0")
        assert container["lastState"]["terminated"]["exitCode"] == 137
        assert "running" in container["state"]
        assert pods.namespace == after.namespace
    finally:
        stop(again)
    gone(again, 10)


def test_a_stop_ends_every_process(own: Cluster):
    fill(own)
    began = time.monotonic()
    stop(own)
    assert time.monotonic() - began < 15
    gone(own, 10)


def test_pods_being_deleted_are_finished_off_after_a_restart(own: Cluster):
    pods = Pods(own, "default")
    pods.create(pod("slow", "example.com/stubborn:1", terminationGracePeriodSeconds=300))
    pods.wait("slow", ".status.phase", "Running")
    pods.kubectl("delete", "pod", "slow", "--wait=false")
    own.process.send_signal(signal.SIGKILL)
    own.process.wait()
    gone(own, 10)
    again = start_again(own)
    try:
        again.kubectl("wait", "--for=delete", "pod/slow", "--timeout=60s")
        deadline = time.monotonic() + 30
        while any(path.is_dir() for path in (again.state / "pods").iterdir()):
            assert time.monotonic() < deadline, "the pod's folder is left behind"
            time.sleep(0.05)
    finally:
        stop(again)


def test_the_guardians_death_is_not_the_pods(own: Cluster):
    fill(own)
    mark = (own.state / "run/mark").read_bytes()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue  # ended meanwhile
        if guardian.__file__.encode() in words and any(word.startswith(mark) for word in words):
            os.kill(int(entry.parent.name), signal.SIGKILL)
            break
    else:
        pytest.fail("no guardian found")
    stop(own)
    gone(own, 10)
