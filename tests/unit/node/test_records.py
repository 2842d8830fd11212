"""Addresses and devices of pods: given once, kept over a restart, never given twice."""

import json
from functools import partial
from pathlib import Path

import pytest

from raglab.pocket.node.checkpoint import PLACE, write
from raglab.pocket.node.devices import NotEnoughDevices, assign, injection
from raglab.pocket.node.isolation import Bind
from raglab.pocket.node.records import NoAddress, Records

GPUS = {"example.com/gpu": {"ids": ["0", "1"], "env": "VISIBLE"}}


def pod(uid: str, gpus: int) -> dict:
    limits = {"example.com/gpu": str(gpus)} if gpus else {}
    return {
        "metadata": {"uid": uid},
        "spec": {"containers": [{"name": "c", "resources": {"limits": limits}}]},
    }


def test_addresses_are_kept_over_a_restart(tmp_path: Path):
    first = Records(tmp_path, "127.10.0.0/16").admit("a")
    again = Records(tmp_path, "127.10.0.0/16")
    assert again.admit("a") == first
    assert again.admit("b")["ip"] != first["ip"]


def test_a_freed_address_is_not_given_to_the_next_pod(tmp_path: Path):
    records = Records(tmp_path, "127.10.0.0/16")
    ip = records.admit("a")["ip"]
    records.forget("a")
    assert records.admit("b")["ip"] != ip


def test_a_full_range_is_an_error_until_an_address_is_free(tmp_path: Path):
    records = Records(tmp_path, "127.10.0.0/29")
    for number in range(5):
        records.admit(str(number))
    with pytest.raises(NoAddress, match="no IP addresses available"):
        records.admit("x")
    records.forget("3")
    assert records.admit("x")["ip"] == "127.10.0.5"


def test_devices_are_never_shared_and_survive_a_restart(tmp_path: Path):
    records = Records(tmp_path, "127.10.0.0/16")
    assign(GPUS, records, pod("a", 1))
    assign(GPUS, records, pod("b", 1))
    held = [records.admit(uid)["devices"]["c"]["example.com/gpu"] for uid in "ab"]
    assert held == [["0"], ["1"]]
    again = Records(tmp_path, "127.10.0.0/16")
    assign(GPUS, again, pod("a", 1))
    assert again.admit("a")["devices"]["c"]["example.com/gpu"] == ["0"]
    with pytest.raises(NotEnoughDevices, match="Requested: 1, Available: 0"):
        assign(GPUS, again, pod("c", 1))
    again.release_devices("b")
    assign(GPUS, again, pod("c", 1))
    assert again.admit("c")["devices"]["c"]["example.com/gpu"] == ["1"]


def test_a_container_is_told_its_devices(tmp_path: Path):
    found = injection(GPUS, {"example.com/gpu": ["0", "1"]}, tmp_path)
    assert (found.variables, found.path, found.binds) == ({"VISIBLE": "0,1"}, (), ())
    assert injection(GPUS, {}, tmp_path).variables == {}


def test_drivers_come_with_their_devices_only(tmp_path: Path):
    driver = {"variables": {"DRIVER": "/run/d"}, "path": ["/opt/bin"]}
    driver |= {"mounts": {"/programs": "/opt/bin"}, "shared": {"/run/d": "/run/d"}}
    devices = {"example.com/gpu": GPUS["example.com/gpu"] | driver}
    assert injection(devices, {"example.com/gpu": []}, tmp_path) == injection(devices, {}, tmp_path)
    found = injection(devices, {"example.com/gpu": ["1"]}, tmp_path)
    assert (found.variables, found.path) == ({"VISIBLE": "1", "DRIVER": "/run/d"}, ("/opt/bin",))
    shared = Bind(tmp_path / "run/d", "/run/d", writable=True)
    assert found.binds == (Bind(Path("/programs"), "/opt/bin"), shared)
    assert shared.source.is_dir()


def test_devices_that_belong_together_are_given_together(tmp_path: Path):
    devices = {"example.com/gpu": {"ids": list("0123"), "env": "VISIBLE", "groups": [["0", "1"], ["2", "3"]]}}
    records = Records(tmp_path, "127.10.0.0/16")
    for uid, count, expected in (("a", 1, ["0"]), ("b", 2, ["2", "3"]), ("c", 1, ["1"])):
        assign(devices, records, pod(uid, count))
        assert records.admit(uid)["devices"]["c"]["example.com/gpu"] == expected
    records.release_devices("a")
    records.release_devices("b")
    assign(devices, records, pod("d", 3))
    assert records.admit("d")["devices"]["c"]["example.com/gpu"] == ["0", "2", "3"]


def test_the_checkpoint_says_who_holds_what(tmp_path: Path):
    node, records = (
        tmp_path / "node",
        Records(tmp_path, "127.10.0.0/16", partial(write, tmp_path / "node", GPUS)),
    )
    assign(GPUS, records, pod("a", 2))
    assign(GPUS, records, pod("b", 0))
    data = json.loads((node / PLACE).read_text())["Data"]
    entry = {"PodUID": "a", "ContainerName": "c", "ResourceName": "example.com/gpu"}
    assert data["PodDeviceEntries"] == [entry | {"DeviceIDs": {"-1": ["0", "1"]}}]
    assert data["RegisteredDevices"] == {"example.com/gpu": ["0", "1"]}
    records.release_devices("a")
    assert json.loads((node / PLACE).read_text())["Data"]["PodDeviceEntries"] == []


def test_a_node_without_devices_has_no_checkpoint(tmp_path: Path):
    Records(tmp_path, "127.10.0.0/16", partial(write, tmp_path / "node", {})).admit("a")
    assert not (tmp_path / "node" / PLACE).exists()


@pytest.mark.parametrize("damage", [b"", b"{", b'{"uid": {"dir": "1'])
def test_damaged_records_are_given_up_not_stumbled_over(tmp_path: Path, caplog, damage):
    Records(tmp_path, "127.10.0.0/16").admit("uid")
    (tmp_path / "records.json").write_bytes(damage)
    assert "uid" not in Records(tmp_path, "127.10.0.0/16")
    assert "is damaged and not used" in caplog.text
