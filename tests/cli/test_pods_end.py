"""No pod outlives its cluster, whether that is stopped, killed, or killed together with its guardian."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable

import psutil
import pytest

from raglab.targets import processes
from tests.cli.lab import Lab, wait_until

POD = ("run", "sleeper", "--image=busybox:1.37", "--command", "--", "sleep", "1000")


def kubectl(lab: Lab, *arguments: str) -> str:
    """kubectl in a shell that was pointed at the lab as the README says."""
    command = f'eval "$({_raglab()} env)" && exec kubectl "$@"'
    result = subprocess.run(
        ["sh", "-c", command, "sh", *arguments], env=lab.variables, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def _raglab() -> str:
    return "python -m raglab.cli"


@pytest.fixture
def busy(lab: Lab) -> Lab:
    """A lab with one running pod."""
    lab.run("up")
    kubectl(lab, *POD)
    kubectl(lab, "wait", "--for=condition=Ready", "pod/sleeper", "--timeout=30s")
    return lab


def stop(lab: Lab) -> None:
    lab.run("down")


def kill(lab: Lab) -> None:
    lab.cluster().kill()


def kill_with_guardian(lab: Lab) -> None:
    cluster = lab.cluster()
    guardians = [p for p in cluster.children() if any("guardian.py" in part for part in p.cmdline())]
    assert guardians
    for process in [*guardians, cluster]:
        process.kill()
    lab.run("down")


@pytest.mark.parametrize("way", [stop, kill, kill_with_guardian])
def test_pods_end_with_the_cluster_and_come_back_with_it(busy: Lab, way: Callable[[Lab], None]):
    before = {process.pid for process in busy.processes()}
    pods = [p for pid in before for p in psutil.Process(pid).children(recursive=True)]
    way(busy)
    wait_until(
        lambda: not any(processes.lives(p) for p in pods),
        lambda: f"still alive: {[p for p in pods if processes.lives(p)]}",
    )
    busy.assert_nothing_left()
    busy.run("up")
    kubectl(busy, "wait", "--for=condition=Ready", "pod/sleeper", "--timeout=30s")


def test_home_folder_stays_as_it_was(lab: Lab):
    own = lab.user / ".kube" / "config"
    own.parent.mkdir()
    own.write_text("mine")
    lab.run("up")
    kubectl(lab, "get", "nodes")
    subprocess.run(
        ["sh", "-c", f'eval "$({_raglab()} env)" && helm list -A'], env=lab.variables, check=True, timeout=60
    )
    lab.run("down")
    found = [os.path.relpath(path, lab.user) for path in lab.user.rglob("*")]
    assert sorted(found) == [".kube", ".kube/config"]
    assert own.read_text() == "mine"
