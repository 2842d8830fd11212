"""The vector addition: sums are right, a wrong one is found, and without a device it fails as NVIDIA's sample does."""

from __future__ import annotations

import os
import subprocess
import sys
from array import array
from pathlib import Path

import pytest

from raglab.gpus import inventory, usage, vector_add

CARD = inventory.load().uuids[0]
PASSED = [
    "[Vector addition of 50000 elements]",
    f"Device {CARD}: NVIDIA A100 80GB PCIe (simulated: the CPU adds)",
    "Copy input data from the host memory to the CUDA device",
    "CUDA kernel launch with 196 blocks of 256 threads",
    "Copy output data from the CUDA device to the host memory",
    "Test PASSED",
    "Done",
]


def run(**environ: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "raglab.gpus.vector_add"]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environ}, timeout=60)


def test_it_passes_on_a_device_and_publishes_its_busy_time(tmp_path: Path) -> None:
    done = run(NVIDIA_VISIBLE_DEVICES=CARD, RAGLAB_GPU_DRIVER=str(tmp_path))
    assert (done.returncode, done.stdout.splitlines(), done.stderr) == (0, PASSED, "")
    (process,) = usage.read(tmp_path)
    assert (process.uuid, process.program, process.alive) == (CARD, "vectorAdd", False)
    assert 0 < process.busy < 10


@pytest.mark.parametrize("devices", ["", "void", "none"])
def test_without_a_device_it_fails_as_the_sample_does(devices: str, tmp_path: Path) -> None:
    done = run(NVIDIA_VISIBLE_DEVICES=devices, RAGLAB_GPU_DRIVER=str(tmp_path))
    assert done.returncode == 1
    assert done.stdout == PASSED[0] + "\n"
    assert "no CUDA-capable device is detected" in done.stderr
    assert not list(tmp_path.iterdir())


def test_sums_are_those_of_single_precision() -> None:
    a, b = array("f", [0.1, 0.5, 1 / 3]), array("f", [0.2, 0.25, 2 / 3])
    assert vector_add.add(a, b) == array("f", [a[0] + b[0], 0.75, a[2] + b[2]])
    assert vector_add.first_wrong(a, b, vector_add.add(a, b)) is None


@pytest.mark.parametrize("wrong", [0.75 + 1e-4, 0.75 - 1e-4, float("nan")])
def test_one_wrong_sum_is_found(wrong: float) -> None:
    a, b = array("f", [0.1, 0.5, 0.3]), array("f", [0.2, 0.25, 0.1])
    c = vector_add.add(a, b)
    c[1] = wrong
    assert vector_add.first_wrong(a, b, c) == 1


def test_a_failed_verification_fails_the_program(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(usage.DEVICES, CARD)
    monkeypatch.setenv(usage.FOLDER, str(tmp_path))
    monkeypatch.setattr(vector_add, "add", lambda a, b: array("f", [2.5]) * len(a))
    assert vector_add.main() == 1
    said = capsys.readouterr()
    assert "Result verification failed at element 0!" in said.err and "PASSED" not in said.out
