"""One command at a time may start or stop a cluster."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from raglab.targets.base import TargetError


@contextmanager
def my_turn(state: Path, patience: float = 0.0) -> Iterator[None]:
    """Hold the cluster's lock, which the kernel gives back however this process ends.

    Raises `TargetError` if another command still holds it after `patience` seconds.
    """
    folder = state / "run"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    state.chmod(0o700)
    deadline = time.monotonic() + patience
    with (folder / "turn").open("w") as lock:
        while not _locked(lock):
            if time.monotonic() > deadline:
                raise TargetError(
                    "Another command is starting or stopping this cluster right now.",
                    "wait until it has finished, then: raglab status",
                )
            time.sleep(0.05)
        yield


def _locked(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
