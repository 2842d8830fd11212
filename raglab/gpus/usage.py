"""What processes do on the simulated GPUs: published by the processes themselves, read by `nvidia-smi` and the DCGM
exporter.

The driver folder holds one file of a page per process and device, mapped into its owner's memory, so publishing costs
no system call and readers see the value of this very moment. The owner keeps the file locked: a file without a lock
belongs to a process that has ended, however it ended. Busy time is told by one number, which the machine stores at
once, so no reader can meet half an update: seconds so far if it is not negative; otherwise the work began when the
clock showed (seconds so far - number). The clock is CLOCK_MONOTONIC, the same for all processes of a machine.
"""

from __future__ import annotations

import fcntl
import math
import mmap
import os
import secrets
import struct
import time
from array import array
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TypeAlias

DRIVER = "/run/raglab-gpus"
"""The driver folder in the node's file system and in pods that hold a GPU."""
DEVICES, FOLDER = "NVIDIA_VISIBLE_DEVICES", "RAGLAB_GPU_DRIVER"
"""Environment variables: UUIDs of the devices a process was given, and where the driver folder lies for it."""
_HEAD = struct.Struct("=8sQQd64s")  # magic, process id, bytes held, busy time, program
_MAGIC = b"raglab 1"
_MEMORY, _BUSY = 2, 3  # as eight-byte words
_KEPT = 600.0  # seconds that the file of an ended process stays, for readers that look seldom

Cell: TypeAlias = "memoryview[float] | array[float]"
"""A place for one number."""


def driver_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the driver folder lies for this process."""
    return Path(environ.get(FOLDER) or DRIVER)


def visible_devices(environ: Mapping[str, str] = os.environ) -> list[str]:
    """UUIDs of the devices this process was given."""
    return [uuid for uuid in environ.get(DEVICES, "").split(",") if uuid.startswith("GPU-")]


class BusyClock:
    """Time in which at least one piece of work was running; what overlaps counts once, as on a device."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now, self._running = now, 0
        self._cells: list[Cell] = [array("d", [0.0])]

    def start(self) -> None:
        """A piece of work begins."""
        if self._running == 0:
            self._store(-(self._now() - self._cells[0][0]))
        self._running += 1

    def stop(self) -> None:
        """A piece of work ends."""
        self._running -= 1
        if self._running == 0:
            self._store(self.seconds())

    def seconds(self) -> float:
        """The busy time so far, including work that is still running."""
        return busy_seconds(self._cells[0][0], self._now())

    def publish(self, cell: Cell) -> None:
        """Keep ``cell[0]`` equal to this clock's number from now on."""
        cell[0] = self._cells[0][0]
        self._cells.append(cell)

    def withdraw(self, cell: Cell) -> None:
        """Leave ``cell`` as it is from now on."""
        self._cells = [other for other in self._cells if other is not cell]

    def _store(self, number: float) -> None:
        for cell in self._cells:
            cell[0] = number


def busy_seconds(number: float, now: float) -> float:
    """The busy time that a clock's number tells at the instant `now`."""
    return number if math.copysign(1, number) > 0 else max(0.0, now + number)  # a sign even zero has


class Hold:
    """A process on the devices it was given, until `close`; without devices it publishes nothing."""

    def __init__(self, program: str, clock: BusyClock, environ: Mapping[str, str] = os.environ) -> None:
        """`program` is the name readers show. Raises OSError if the driver folder cannot be written to."""
        self.uuids = visible_devices(environ)
        self._clock = clock
        folder = driver_folder(environ)
        for uuid in self.uuids:
            _sweep(folder, uuid)
        self._files = [_File(folder, uuid, program) for uuid in self.uuids]
        for file in self._files:
            clock.publish(file.busy)

    def memory(self, held: int) -> None:
        """Tell the bytes held, on each of the devices."""
        for file in self._files:
            file.words[_MEMORY] = held

    def close(self) -> None:
        """Give the devices back. The busy time stays to be read for a while."""
        for file in self._files:
            self._clock.withdraw(file.busy)
            file.close()
        self._files = []

    def __enter__(self) -> Hold:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _File:
    """The published file of this process for one device: locked first, visible then."""

    def __init__(self, folder: Path, uuid: str, program: str) -> None:
        name = f"{uuid}.{secrets.token_hex(8)}"
        hidden = folder / f".{name}"
        self._descriptor = os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        os.truncate(self._descriptor, mmap.PAGESIZE)
        self._map = mmap.mmap(self._descriptor, mmap.PAGESIZE)
        _HEAD.pack_into(self._map, 0, _MAGIC, os.getpid(), 0, 0.0, program.encode()[:64])
        view = memoryview(self._map)[: _BUSY * 8 + 8]
        self.words, self.busy = view.cast("Q"), view[_BUSY * 8 :].cast("d")
        hidden.rename(folder / name)

    def close(self) -> None:
        self.words[_MEMORY] = 0
        os.utime(self._descriptor)
        os.close(self._descriptor)  # and with it the lock; the memory goes when nobody refers to it any more


@dataclass(frozen=True, slots=True)
class Process:
    """A process on a device. `key` is its own in all readings; one that has ended (`alive` is false) holds nothing."""

    key: str
    uuid: str
    pid: int
    """As the process itself knows it: in a pod the process id there."""
    program: str
    memory: int
    """Bytes of the (simulated) device."""
    busy: float
    """Seconds so far in which it had the device work."""
    alive: bool


def read(folder: Path, now: Callable[[], float] = time.monotonic) -> list[Process]:
    """Every process on every device, ordered by device, and those that ended within the last minutes."""
    found = (_read(file, now) for file in sorted(folder.glob("GPU-*.*")))
    return [process for process in found if process is not None]


def _read(file: Path, now: Callable[[], float]) -> Process | None:
    """None for a file that has just been removed or is none of ours."""
    with suppress(FileNotFoundError), file.open("rb") as stream:
        alive = _is_locked(stream.fileno())
        head = stream.read(_HEAD.size)
        if len(head) < _HEAD.size or not head.startswith(_MAGIC):
            return None
        _, pid, memory, number, program = _HEAD.unpack(head)
        busy = busy_seconds(number, now()) if alive else max(0.0, number)
        name = program.rstrip(b"\0").decode(errors="replace")
        return Process(file.name, file.name.split(".")[0], pid, name, memory if alive else 0, busy, alive)
    return None


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    return False


def _sweep(folder: Path, uuid: str) -> None:
    """Remove what processes left that ended a while ago."""
    for file in folder.glob(f"{uuid}.*"):
        with suppress(FileNotFoundError), file.open("rb") as stream:
            if time.time() - file.stat().st_mtime > _KEPT and not _is_locked(stream.fileno()):
                file.unlink()


@dataclass(frozen=True, slots=True)
class Load:
    """What a device did between two samples: share of the time (0 to 1) in which work was running, and bytes held."""

    utilisation: float
    memory: int
    processes: tuple[Process, ...]
    """Those that hold the device now."""


class Sampler:
    """Measures the load of devices between one `sample` and the next; the first one counts from its creation.

    Give `now` only in tests: it must be the clock that publishers use.
    """

    def __init__(
        self, folder: Path, uuids: tuple[str, ...], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._folder, self._uuids, self._now = folder, uuids, now
        self._at = now()
        self._before = self._busy(self._read(self._at))

    def sample(self) -> dict[str, Load]:
        """The load of every device since the last sample, by UUID."""
        now = self._now()
        processes = self._read(now)
        period, self._at = now - self._at, now
        before, self._before = self._before, self._busy(processes)
        gained = {key: busy - before.get(key, 0.0) for key, busy in self._before.items()}
        return {uuid: _load(uuid, processes, gained, period) for uuid in self._uuids}

    def _read(self, now: float) -> list[Process]:
        """All processes as they are at one instant, so that a busy one is busy for exactly the whole period."""
        return read(self._folder, lambda: now)

    @staticmethod
    def _busy(processes: list[Process]) -> dict[str, float]:
        return {process.key: process.busy for process in processes}


def _load(uuid: str, processes: list[Process], gained: Mapping[str, float], period: float) -> Load:
    own = [process for process in processes if process.uuid == uuid]
    busy = sum(max(0.0, gained[process.key]) for process in own)
    alive = tuple(process for process in own if process.alive)
    share = min(1.0, busy / period) if period > 0 else 0.0
    return Load(share, sum(process.memory for process in alive), alive)
