"""Seats of a class: folders of their own, and two labs side by side that do not meet."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from raglab.cli import seats
from raglab.targets import TargetError
from raglab.targets.network import Network, reserved
from tests.cli.lab import COMMAND_LIMIT, Lab

ADDED = """
kubectl apply -f kubernetes-config/gpu-pod.yaml
kubectl wait pod/gpu-operator-test --for=jsonpath='{.status.phase}'=Succeeded --timeout=50s
kubectl logs gpu-operator-test | grep -q 'Test PASSED' && echo "PASSED on $NODE_ADDRESS"
"""
"""A pod whose program comes with the seat's copy of the lab."""


@pytest.fixture
def shared(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Lab:
    """The installation that makes seats: its models and its Prometheus are there."""
    for name, value in lab.variables.items():
        monkeypatch.setenv(name, value)
    return lab


def typed(script: Path, *words: str) -> str:
    """What a learner's `lab` prints; it must succeed, without anything from the instructor's shell."""
    plain = {"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"]}
    done = subprocess.run(
        [script, *words], env=plain, cwd="/", capture_output=True, text=True, timeout=COMMAND_LIMIT
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def shell(script: Path, commands: str) -> str:
    """What commands print in a learner's shell, pointed at the seat's cluster as the README says."""
    done = subprocess.run(
        ["bash", "-ec", f'eval "$({script} env)"; {commands}'],
        env={"PATH": "/usr/bin:/bin"},
        cwd=script.parent,
        capture_output=True,
        text=True,
        timeout=COMMAND_LIMIT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_a_seat_is_a_folder_for_its_owner_alone(shared: Lab, tmp_path: Path) -> None:
    script = seats.make(7, tmp_path / "class" / "seven")
    assert {path.name for path in script.parent.iterdir()} == {*seats.COPIED, "lab"}
    assert script.parent.stat().st_mode & 0o777 == script.stat().st_mode & 0o777 == 0o700
    assert not list(script.parent.rglob("__pycache__"))
    said = typed(script, "env")
    assert f"KUBECONFIG={script.parent}/state/" in said
    assert f"NODE_ADDRESS={Network(7).node_ip}" in said
    assert f"VALUES={script.parent}/kubernetes-config/values/pocket" in said, "what a learner changes is used"


def test_a_folder_that_is_there_and_numbers_that_are_none_are_refused(shared: Lab, tmp_path: Path) -> None:
    with pytest.raises(TargetError, match="is there already"):
        seats.make(7, tmp_path)
    with pytest.raises(TargetError, match="network 86 does not exist"):
        seats.make(86, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_two_seats_work_side_by_side(shared: Lab, tmp_path: Path) -> None:
    with reserved() as one, reserved() as other:
        scripts = [seats.make(own.number, tmp_path / f"seat-{own.number}") for own in (one, other)]
        try:
            for script in scripts:
                typed(script, "up")
            for script, own in zip(scripts, (one, other), strict=True):
                assert "✓ 00.node-ready" in typed(script, "check", "00.node-ready")
                assert f"PASSED on {own.node_ip}" in shell(script, ADDED)
                assert own.node_ip in typed(script, "status")
        finally:
            for script in scripts:
                typed(script, "down")
        assert one.in_use() == other.in_use() == []
