"""What processes publish about their use of the simulated GPUs, and what readers make of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from raglab.gpus import usage
from raglab.gpus.busy import BusyClock
from raglab.gpus.sampling import Sampler
from raglab.gpus.usage import Hold

ONE, TWO = "GPU-0000", "GPU-0001"
HOLDER = """
import sys, time
from raglab.gpus.busy import BusyClock
from raglab.gpus.usage import Hold
clock = BusyClock()
hold = Hold("a program", clock)
hold.memory(1000)
clock.start()
print("holds", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    return {usage.DEVICES: f"{ONE},{TWO}", usage.FOLDER: str(tmp_path)}


class Time:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_process_is_seen_on_each_of_its_devices(environ: dict[str, str], tmp_path: Path) -> None:
    time = Time()
    clock = BusyClock(time)
    with Hold("program", clock, environ) as hold:
        hold.memory(4096)
        clock.start()
        time.now += 2
        found = usage.read(tmp_path, time)
        assert [process.uuid for process in found] == [ONE, TWO]
        assert {(p.program, p.memory, p.busy, p.alive) for p in found} == {("program", 4096, 2.0, True)}
        clock.stop()
        time.now += 5
        assert [process.busy for process in usage.read(tmp_path, time)] == [2.0, 2.0]


def test_what_was_busy_before_it_held_a_device_is_told_too(environ: dict[str, str], tmp_path: Path) -> None:
    time = Time()
    clock = BusyClock(time)
    clock.start()
    time.now += 1
    with Hold("program", clock, environ):
        time.now += 1
        assert usage.read(tmp_path, time)[0].busy == clock.seconds() == 2.0


def test_a_process_that_ended_holds_nothing_and_keeps_its_busy_time(
    environ: dict[str, str], tmp_path: Path
) -> None:
    time = Time()
    clock = BusyClock(time)
    with Hold("program", clock, environ) as hold:
        hold.memory(4096)
        clock.start()
        time.now += 3
        clock.stop()
    found = usage.read(tmp_path, time)
    assert [(process.alive, process.memory, process.busy) for process in found] == [(False, 0, 3.0)] * 2


def test_without_devices_nothing_is_published(tmp_path: Path) -> None:
    with Hold("program", BusyClock(), {usage.FOLDER: str(tmp_path)}) as hold:
        hold.memory(1)
    assert not list(tmp_path.iterdir())


def test_devices_of_a_real_driver_are_left_alone() -> None:
    with Hold("program", BusyClock(), {usage.DEVICES: f"{ONE},{TWO}"}) as hold:
        assert hold.uuids == []


def test_foreign_files_are_no_processes(tmp_path: Path) -> None:
    (tmp_path / "GPU-0000.short").write_bytes(b"x")
    (tmp_path / "GPU-0000.other").write_bytes(b"x" * 4096)
    assert usage.read(tmp_path) == []
    assert usage.read(tmp_path / "missing") == []


def test_a_killed_process_is_told_from_a_living_one(environ: dict[str, str], tmp_path: Path) -> None:
    env = {"PYTHONPATH": ":".join(sys.path)} | environ
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER], env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == b"holds\n"
        first, second = usage.read(tmp_path)[0], usage.read(tmp_path)[0]
        assert (first.alive, first.pid, first.memory) == (True, process.pid, 1000)
        assert 0 < first.busy < second.busy  # it has work in flight: time goes on
    finally:
        process.kill()
        process.communicate()
    assert [(p.alive, p.memory) for p in usage.read(tmp_path)] == [(False, 0)] * 2


def test_load_is_the_share_of_time_between_two_samples(environ: dict[str, str], tmp_path: Path) -> None:
    time = Time()
    sampler, clock = Sampler(tmp_path, (ONE, TWO, "GPU-0002"), time), BusyClock(time)
    with Hold("program", clock, environ) as hold:
        hold.memory(10)
        time.now += 6
        clock.start()
        time.now += 2
        clock.stop()
        load = sampler.sample()
        assert [load[uuid].utilisation for uuid in load] == [0.25, 0.25, 0.0]
        assert [load[uuid].memory for uuid in load] == [10, 10, 0]
        time.now += 1
        assert sampler.sample()[ONE].utilisation == 0.0
        clock.start()
        time.now += 4
        assert sampler.sample()[ONE].utilisation == 1.0
        time.now += 1
        clock.stop()
    time.now += 1
    last = sampler.sample()[ONE]  # the process ended between the samples: what it did still counts
    assert (last.utilisation, last.memory, last.processes) == (0.5, 0, ())
