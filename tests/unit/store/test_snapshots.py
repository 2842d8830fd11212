"""Copies of a state folder, and going on from one."""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

import pytest

from raglab.pocket import restoring, snapshots
from raglab.pocket.store import Store

NODE = "minikube"


def pod(name: str, *states: str, node: str = NODE, ready: bool = True) -> dict[str, Any]:
    containers = [
        {
            "name": f"c{i}",
            "containerID": f"{name}/{i}",
            "state": {state: {}},
            "ready": ready,
            "restartCount": 3,
        }
        for i, state in enumerate(states)
    ]
    conditions = [{"type": "Ready", "status": str(ready)}]
    return {
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"nodeName": node},
        "status": {"phase": "Running", "containerStatuses": containers, "conditions": conditions},
    }


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """The state folder of a cluster that has ended."""
    folder = tmp_path / "state"
    (folder / "node" / "data").mkdir(parents=True)
    (folder / "node" / "data" / "table").write_bytes(b"rows")
    (folder / "node" / "link").symlink_to("data/table")
    (folder / "pods").mkdir()
    store = Store(folder / "store.sqlite")
    store.put("/pods", pod("server", "running", "terminated"))
    store.put("/pods", pod("elsewhere", "running", node="other"))
    store.put("/pods", pod("job", "terminated", ready=False))
    store.close()
    return folder


def take(state: Path, name: str, older: Path | None = None) -> Path:
    folder = state.parent / name
    snapshots.copy(state, folder, older)
    snapshots.seal(folder, older)
    return folder


def test_a_copy_has_files_links_and_modes(state: Path):
    (state / "node" / "data").chmod(0o500)
    (state / "node" / "data" / "table").chmod(0o640)
    folder = take(state, "one")
    snapshots.verify(folder)
    assert (folder / "node" / "data" / "table").read_bytes() == b"rows"
    assert (folder / "node" / "link").readlink() == Path("data/table")
    assert (folder / "node" / "data").stat().st_mode & 0o777 == 0o500
    assert (folder / "node" / "data" / "table").stat().st_mode & 0o777 == 0o640
    (state / "node" / "data").chmod(0o700)
    (folder / "node" / "data").chmod(0o700)


def test_sockets_and_pipes_are_left_out(state: Path):
    os.mkfifo(state / "pods" / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(state / "pods" / "s"))
        folder = take(state, "one")
    assert list((folder / "pods").iterdir()) == []
    snapshots.verify(folder)


def test_what_has_not_changed_is_shared_and_what_has_is_not(state: Path):
    (state / "node" / "data" / "log").write_bytes(b"first")
    one = take(state, "one")
    (state / "node" / "data" / "log").write_bytes(b"first, second")
    two = take(state, "two", older=one)
    assert (one / "node/data/table").samefile(two / "node/data/table")
    assert (one / "node/data/log").read_bytes() == b"first"
    assert (two / "node/data/log").read_bytes() == b"first, second"
    snapshots.verify(one)
    snapshots.verify(two)


@pytest.mark.parametrize("damage", ["flipped", "shorter", "gone", "unsealed"])
def test_a_damaged_copy_is_told_from_a_sound_one(state: Path, damage: str):
    folder = take(state, "one")
    file = folder / "node" / "data" / "table"
    if damage == "unsealed":
        (folder / snapshots.SEAL).unlink()
    elif damage == "gone":
        file.unlink()
    else:
        file.write_bytes(b"rowz" if damage == "flipped" else b"row")
    with pytest.raises(snapshots.BrokenSnapshot):
        snapshots.verify(folder)


def test_going_on_from_a_snapshot(state: Path):
    folder = take(state, "one")
    store = Store(state / "store.sqlite")
    store.put("/configmaps", {"metadata": {"name": "later", "namespace": "default"}})
    newest = store.version
    store.close()
    (state / "node" / "data" / "table").write_bytes(b"other rows")
    ready = restoring.lay_out(folder, state, NODE)
    assert ready == {
        ("default", "elsewhere"): {"elsewhere/0"},
        ("default", "server"): {"server/0", "server/1"},
    }
    assert (state / "node" / "data" / "table").read_bytes() == b"other rows", "nothing has changed yet"
    assert restoring.put_back(state)
    assert (state / "node" / "data" / "table").read_bytes() == b"rows"
    store = Store(state / "store.sqlite")
    assert store.records("/configmaps") == []
    assert store.version > newest, "a version is never given twice"
    store.close()
    assert restoring.ready_pods(state) == ready
    assert not restoring.put_back(state), "once"


def test_containers_that_ran_start_as_if_for_the_first_time(state: Path):
    folder = take(state, "one")
    restoring.lay_out(folder, state, NODE)
    restoring.put_back(state)
    store = Store(state / "store.sqlite")
    found = {record.object["metadata"]["name"]: record.object["status"] for record in store.records("/pods")}
    store.close()
    server, ended = found["server"]["containerStatuses"]
    assert server["state"] == {"waiting": {"reason": "ContainerCreating"}} and not server["ready"]
    assert server["restartCount"] == 3 and "terminated" in ended["state"]
    assert "running" in found["elsewhere"]["containerStatuses"][0]["state"], "another node's business"
    assert found["job"] == pod("job", "terminated", ready=False)["status"]


@pytest.mark.parametrize("part", snapshots.PARTS)
def test_an_interruption_leaves_no_mixture(state: Path, part: str, monkeypatch: pytest.MonkeyPatch):
    """Whatever was moved last, the second attempt ends with the snapshot's state and none of the other's."""
    folder = take(state, "one")
    (state / "node" / "data" / "table").write_bytes(b"other rows")
    (state / "store.sqlite-wal").write_bytes(b"of the other database")
    restoring.lay_out(folder, state, NODE)
    move = restoring._move

    def interrupted(new: Path, old: Path) -> None:
        move(new, old)
        if old.name == part:
            raise KeyboardInterrupt

    monkeypatch.setattr(restoring, "_move", interrupted)
    with pytest.raises(KeyboardInterrupt):
        restoring.put_back(state)
    monkeypatch.setattr(restoring, "_move", move)
    assert restoring.put_back(state)
    assert (state / "node" / "data" / "table").read_bytes() == b"rows"
    assert not (state / "store.sqlite-wal").exists()
    assert len(restoring.ready_pods(state)) == 2


def test_a_layout_that_was_not_finished_is_thrown_away(state: Path):
    (state / restoring.DRAFT / "node").mkdir(parents=True)
    assert not restoring.put_back(state)
    assert not (state / restoring.DRAFT).exists()
    assert (state / "node" / "data" / "table").read_bytes() == b"rows"
