"""What processes do on the simulated GPUs: published by the processes themselves, read by `nvidia-smi` and the DCGM
exporter.

The driver folder holds one file of a page per process and device, mapped into its owner's memory, so publishing costs
no system call and readers see the value of this very moment. The owner keeps the file locked: a file without a lock
belongs to a process that has ended, however it ended.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import secrets
import struct
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from raglab.gpus.busy import BusyClock, busy_seconds

DRIVER = "/run/raglab-gpus"
"""The driver folder in the node's file system and in pods that hold a GPU."""
DEVICES, FOLDER = "NVIDIA_VISIBLE_DEVICES", "RAGLAB_GPU_DRIVER"
"""Environment variables: UUIDs of the devices a process was given, and where the driver folder lies for it."""
_HEAD = struct.Struct("=8sQQd64s")  # magic, process id, bytes held, busy time, program
_MAGIC = b"raglab 1"
_MEMORY, _BUSY = 2, 3  # as eight-byte words
_KEPT = 600.0  # seconds that the file of an ended process stays, for readers that look seldom


def driver_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the driver folder lies for this process."""
    return Path(environ.get(FOLDER) or DRIVER)


def visible_devices(environ: Mapping[str, str] = os.environ) -> list[str]:
    """UUIDs of the simulated devices this process was given; none where the driver is not the simulated one."""
    if FOLDER not in environ:
        return []
    return [uuid for uuid in environ.get(DEVICES, "").split(",") if uuid.startswith("GPU-")]


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
