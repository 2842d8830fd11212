"""``raglab up`` and ``down`` as a newcomer meets them: twice, interrupted, at once, and after accidents."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.cli.lab import Lab, wait_until


def test_up_twice_and_down_twice(lab: Lab):
    assert "is ready after" in lab.run("up")
    assert "running already" in lab.run("up")
    assert "have ended" in lab.run("down")
    lab.assert_nothing_left()
    assert "is not running" in lab.run("down")


MOMENTS = ("", "pocket/run/turn", "pocket/run/process.json", "pocket/store.sqlite", "pocket/kubeconfig")


@pytest.mark.parametrize(
    ("moment", "number"),
    [*((moment, signal.SIGINT) for moment in MOMENTS), ("pocket/run/process.json", signal.SIGTERM)],
    ids=lambda value: Path(value).name or "at once" if isinstance(value, str) else value.name,
)
def test_interrupted_up_leaves_nothing_and_goes_on_next_time(lab: Lab, moment: str, number: int):
    starting = lab.begin("up")
    wait_until(lambda: (lab.home / moment).exists() or starting.poll() is not None, lambda: f"no {moment}")
    if not moment:  # Python itself is loading; our code has run once SIGTERM is caught
        wait_until(lambda: _handles(starting.pid, signal.SIGTERM), lambda: "no handler")
    code, said = lab.interrupt(starting, number)
    assert "Traceback" not in said
    if "is ready after" in said:  # it was quicker than the signal
        lab.run("down")
    else:
        assert code == 130, said
    lab.assert_nothing_left()
    assert "is ready after" in lab.run("up")


def test_up_interrupted_just_before_it_tells_leaves_nothing(lab: Lab):
    """The signal arrives when the cluster is ready, but nobody has been told so."""
    program = "import os, signal\nfrom raglab.targets import current\n"
    program += "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a background job's is ignored
    program += "current().up(lambda line: os.kill(os.getpid(), signal.SIGINT))"
    ended = subprocess.run(
        [sys.executable, "-c", program], env=lab.variables, capture_output=True, timeout=60
    )
    assert ended.returncode == -signal.SIGINT, ended.stderr
    lab.assert_nothing_left()


def _handles(pid: int, number: int) -> bool:
    """Whether a process catches a signal: bit number-1 of SigCgt in /proc/PID/status."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    caught = next(line.split()[1] for line in lines if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (number - 1) & 1)


def test_second_up_in_parallel_is_refused(lab: Lab):
    lab.run("doctor")  # creates the state folder
    (lab.state / "run").mkdir(parents=True)
    with (lab.state / "run" / "turn").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        assert "starting or stopping this cluster right now" in lab.fails("up")
    lab.run("up")


def test_many_ups_at_once_make_one_cluster(lab: Lab):
    ends = [lab.finish(process) for process in [lab.begin("up") for _ in range(4)]]
    assert [code for code, said in ends if "is ready after" in said] == [0]
    assert all("Traceback" not in said for _, said in ends)
    # A child that has not begun its own program yet looks like its parent, so look until only one is left.
    wait_until(lambda: len(_clusters(lab)) == 1, lambda: f"not one cluster: {_clusters(lab)}")


def _clusters(lab: Lab) -> list[psutil.Process]:
    found = []
    for process in lab.processes():
        with suppress(psutil.NoSuchProcess):
            found += [process] if "raglab.pocket" in process.cmdline() else []
    return found


def test_up_finds_the_cluster_of_a_killed_up(lab: Lab):
    starting = lab.begin("up")
    wait_until(lambda: (lab.state / "run" / "process.json").exists(), lambda: "no process")
    lab.interrupt(starting, signal.SIGKILL)
    assert "running already" in lab.run("up")


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"pid": "x", "created": 0}', '{"pid": 1, "created": 0}'])
def test_damaged_or_stale_record_names_no_process(lab: Lab, damage: str):
    lab.run("up")
    lab.run("down")
    for name in ("ready.json", "process.json"):
        (lab.state / "run" / name).write_text(damage)
    assert "is not running" in lab.run("status")
    assert "is ready after" in lab.run("up")


def test_reused_process_id_is_not_mistaken_for_the_cluster(lab: Lab):
    lab.run("up")
    lab.run("down")
    record = {"pid": os.getpid(), "created": psutil.Process().create_time() - 100}
    (lab.state / "run" / "ready.json").write_text(json.dumps(record))
    assert "is not running" in lab.run("down")


def test_stopped_cluster_goes_on(lab: Lab):
    lab.run("up")
    lab.cluster().suspend()
    assert "running already" in lab.run("up")
    assert lab.cluster().status() != psutil.STATUS_STOPPED


def test_cluster_that_does_not_answer_is_reported_not_called_running(lab: Lab):
    lab.run("up")
    record = lab.state / "run" / "ready.json"
    facts = json.loads(record.read_text())
    with closing(socket.socket()) as deaf:  # nobody listens there
        deaf.bind(("127.0.0.1", 0))
        record.write_text(json.dumps(facts | {"server": f"https://127.0.0.1:{deaf.getsockname()[1]}"}))
        assert "gives no answer" in lab.fails("up")


def test_taken_node_port_is_named(lab: Lab):
    with socket.create_server((lab.network.node_ip, 30080)):
        said = lab.fails("up")
    assert f"Port 30080 on {lab.network.node_ip}" in said and "RAGLAB_NETWORK=" in said
    lab.run("up")


def test_api_moves_when_its_port_was_taken_meanwhile(lab: Lab):
    lab.run("up")
    lab.run("down")
    port = int((lab.state / "run" / "port").read_text())
    with socket.create_server(("127.0.0.1", port)):
        assert f"Port {port} is taken" in lab.run("up")
        assert "minikube" in lab.run("status")


def test_two_labs_on_one_network_are_kept_apart(lab: Lab, tmp_path: Path):
    lab.run("up")
    other = Lab(tmp_path / "other", lab.network, lab.models, lab.prometheus)
    said = other.fails("up")
    assert "Another lab on this machine uses the same addresses" in said and "RAGLAB_NETWORK=" in said
    assert "running already" in lab.run("up")


def test_cluster_keeps_its_network(lab: Lab):
    lab.run("up")
    lab.run("down")
    lab.extra["RAGLAB_NETWORK"] = str(lab.network.number + 1)
    assert "was made with" in lab.fails("up")
    lab.extra["RAGLAB_NETWORK"] = ""
    lab.run("up")
    assert f"at {lab.network.node_ip}" in lab.run("status")


@pytest.mark.parametrize("number", ["x", "-1", "86"])
def test_impossible_network_is_explained(lab: Lab, number: str):
    lab.extra["RAGLAB_NETWORK"] = number
    assert "0 to 85" in lab.fails("up")


def test_state_folder_that_cannot_be_made(lab: Lab):
    (lab.folder / "file").write_text("")
    lab.extra["RAGLAB_HOME"] = str(lab.folder / "file" / "below")
    assert "Not a directory" in lab.fails("up")


def test_state_of_another_version_is_refused_until_reset(lab: Lab):
    lab.run("up")
    lab.run("down")
    with closing(sqlite3.connect(lab.state / "store.sqlite")) as database:
        database.execute("PRAGMA user_version = 99")
    assert "another version" in lab.fails("up")
    lab.run("reset", "--yes")
    lab.run("up")


def test_damaged_store_is_refused_until_reset(lab: Lab):
    lab.run("up")
    lab.run("down")
    (lab.state / "store.sqlite").write_bytes(b"not a database" * 100)
    assert "damaged" in lab.fails("up")
    lab.run("reset", "--yes")
    lab.run("up")


def test_reset_asks_first(lab: Lab):
    lab.run("up")
    code, said = lab.finish(lab.begin("reset"))  # its standard input is empty
    assert code == 130 and "Traceback" not in said
    assert "running already" in lab.run("up")


def test_files_are_for_their_owner_only(lab: Lab):
    lab.run("up")
    open_to_others = stat.S_IRWXG | stat.S_IRWXO
    for folder in (lab.home, lab.state, lab.state / "run", lab.state / "log", lab.state / "pki"):
        assert not folder.stat().st_mode & open_to_others, folder
    files = [*(lab.state / "pki").glob("*.key"), lab.state / "pki" / "token", *lab.state.glob("kubeconfig")]
    files += [lab.state / "config.yaml", *lab.state.glob("log/*"), lab.state / "run" / "process.json"]
    assert len(files) >= 7
    for file in files:
        assert not file.stat().st_mode & open_to_others, file


def _listening(lab: Lab) -> list[Any]:
    """Sockets of the lab. A process that is just being started shares those of its parent for a moment."""
    found = [c for c in psutil.net_connections("inet") if c.status == psutil.CONN_LISTEN]
    pids = {process.pid for process in lab.processes()}
    return [connection for connection in found if connection.pid in pids]


def test_everything_listens_on_loopback_only(lab: Lab):
    lab.run("up")
    wait_until(lambda: _listening(lab), lambda: "nothing of the lab listens")
    listening = _listening(lab)
    assert all(connection.laddr.ip.startswith("127.") for connection in listening), listening
