"""Snapshots of a running cluster, and what a lesson does with them: begin, pass a check, break everything, go back."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator

import psutil
import pytest

from raglab.pocket.snapshots import SEAL
from tests.cli.lab import Lab, wait_until
from tests.pocket.test_storage import claim

LIMIT = 120.0
SERVER = "echo started >> /data/log; trap 'exit 0' TERM; sleep infinity & wait"


def python(lab: Lab, *lines: str) -> str:
    """Output of a Python program that has the lab's variables, as a notebook's kernel has."""
    program = "from raglab.targets import current; import os; os.environ.update(current().environment())\n"
    command = [sys.executable, "-c", program + "\n".join(lines)]
    done = subprocess.run(command, env=lab.variables, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def kubectl(lab: Lab, *arguments: str, stdin: str | None = None) -> str:
    command = ["kubectl", "--kubeconfig", str(lab.state / "kubeconfig"), *arguments]
    return subprocess.run(
        command, env=lab.variables, input=stdin, capture_output=True, text=True, timeout=LIMIT, check=True
    ).stdout


def server() -> dict[str, object]:
    """A Deployment whose pod writes a line into a volume whenever it starts."""
    container = {"name": "c", "image": "busybox:1.36", "command": ["sh", "-c", SERVER]}
    container |= {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    pod = {"containers": [container], "volumes": volumes, "terminationGracePeriodSeconds": 5}
    labels = {"app": "server"}
    template = {"metadata": {"labels": labels}, "spec": pod}
    spec = {"selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "server"}, "spec": spec}


@pytest.fixture
def running(lab: Lab) -> Iterator[Lab]:
    """A cluster in lesson 00, with a server that has a volume and a pod that has ended."""
    lab.run("up")
    python(lab, "from raglab.lesson import start", "start('00')")
    for item in (claim("data"), server()):
        kubectl(lab, "apply", "-f", "-", stdin=json.dumps(item))
    kubectl(lab, "wait", "deployment/server", "--for=condition=Available", "--timeout=60s")
    kubectl(lab, "run", "ended", "--image=busybox:1.36", "--restart=Never", "--", "echo", "said once")
    kubectl(lab, "wait", "pod/ended", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
    yield lab


def pods(lab: Lab) -> str:
    """Names, addresses and restarts."""
    columns = "N:.metadata.name,IP:.status.podIP,R:.status.containerStatuses[0].restartCount,P:.status.phase"
    return kubectl(lab, "get", "pods", "-o", f"custom-columns={columns}")


def log(lab: Lab) -> str:
    return kubectl(lab, "exec", "deployment/server", "--", "cat", "/data/log")


def test_undo_brings_everything_back_and_can_be_undone(running: Lab):
    lab, before = running, pods(running)
    python(lab, "from raglab.lesson import check", "check('00.node-ready')")
    kubectl(lab, "exec", "deployment/server", "--", "sh", "-c", "echo later >> /data/log")
    kubectl(lab, "delete", "pod/ended", "deployment/server", "--timeout=60s")
    kubectl(lab, "create", "configmap", "later")

    said = python(lab, "from raglab.lesson import undo", "undo()")
    assert "back to the moment after check 00.node-ready" in said
    assert pods(lab) == before, "same names, addresses and restarts"
    assert kubectl(lab, "logs", "ended") == "said once\n"
    assert log(lab) == "started\nstarted\n", "without the line written after the check"
    assert "later" not in kubectl(lab, "get", "configmaps", "-o", "name")

    python(lab, "from raglab.lesson import undo", "undo('before')")
    assert "later" in kubectl(lab, "get", "configmaps", "-o", "name")
    assert kubectl(lab, "get", "deployments", "-o", "name") == ""


def test_start_goes_on_after_a_reboot_and_waits_for_what_was_ready(running: Lab):
    """Killing everything at once is what a power failure does to processes."""
    for process in (running.cluster(), *running.processes()):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    wait_until(lambda: not running.processes(), lambda: f"{running.processes()}")
    said = python(
        running,
        "import subprocess",
        "from raglab.lesson import start",
        "start('00')",
        "names = ['kubectl', 'get', 'pods', '-l', 'app=server', '-o']",
        "print(subprocess.check_output([*names, 'jsonpath={.items[*].status.containerStatuses[*].ready}']))",
    )
    assert "b'true'" in said
    assert log(running) == "started\nstarted\n"


def test_a_damaged_snapshot_changes_nothing(running: Lab):
    store = running.state / "snapshots" / "beginning" / "store.sqlite"
    store.write_bytes(store.read_bytes()[:-1])
    said = python(
        running,
        "from raglab.lesson import undo",
        "try: undo('beginning')",
        "except Exception as error: print(type(error).__name__, error)",
    )
    assert said.startswith("CannotUndo") and "store.sqlite is not as it was" in said
    assert log(running) == "started\n"


def test_an_unknown_place_names_the_known_ones(running: Lab):
    said = python(
        running,
        "from raglab.lesson import undo",
        "try: undo('00.later')",
        "except Exception as error: print(error)",
    )
    assert "00.later" in said and "beginning" in said
    assert "Undo to     beginning" in running.run("status")


def test_states_are_made_once_and_then_restored(running: Lab):
    python(running, "from raglab.lesson import start", "start('02')")
    kept = [path.name for path in (running.state / "snapshots").glob("state-basics-*")]
    assert len(kept) == 1
    seal = (running.state / "snapshots" / kept[0] / SEAL).stat().st_mtime_ns
    kubectl(running, "create", "namespace", "basics")
    python(running, "from raglab.lesson import start", "start('02', fresh=True)")
    assert "basics" not in kubectl(running, "get", "namespaces", "-o", "name")
    assert (running.state / "snapshots" / kept[0] / SEAL).stat().st_mtime_ns == seal
    python(running, "from raglab.lesson import undo", "undo('before')")
    assert "namespace/basics" in kubectl(running, "get", "namespaces", "-o", "name")


def test_a_snapshot_that_was_killed_halfway_leaves_a_cluster_that_up_wakes(running: Lab):
    """SIGKILL while everything stands still: nobody is left to let it go on."""
    halfway = (
        "from raglab.pocket import snapshots",
        "snapshots.copy = lambda *arguments: os.kill(os.getpid(), 9)",
        "current().snapshots().take('halfway')",
    )
    program = "from raglab.targets import current; import os\n" + "\n".join(halfway)
    killed = subprocess.run([sys.executable, "-c", program], env=running.variables, timeout=LIMIT)
    assert killed.returncode == -signal.SIGKILL
    assert running.cluster().status() == psutil.STATUS_STOPPED
    assert "running already" in running.run("up")
    assert log(running) == "started\n"


def test_down_ends_a_cluster_that_stands_still(running: Lab):
    python(running, "from raglab.targets import Pocket", "Pocket().daemon.freeze()")
    assert "have ended" in running.run("down")
    running.assert_nothing_left()


def test_snapshots_are_for_their_owner_only(running: Lab):
    folder = running.state / "snapshots"
    assert folder.stat().st_mode & 0o077 == 0
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.glob("*/store.sqlite*"))
