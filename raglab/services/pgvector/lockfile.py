"""Judges the ``postmaster.pid`` that a killed server leaves behind.

PostgreSQL itself ignores the file when its process id is free. It refuses to start when the number is in use,
although that may be a zombie nobody has collected yet, or, in a pod whose numbers start again, an unrelated
program. Here the file counts only while a process whose working folder is the data folder lives: every server
process has it.
"""

from __future__ import annotations

import time
from pathlib import Path

from raglab.services.pgvector.settings import LaunchError

LIMIT = 20.0
"""Seconds an old server may take to end: it stops with its launcher, at most after a checkpoint."""


def clear(data: Path, limit: float = LIMIT) -> None:
    """Wait until no server uses the data folder, then remove the file it left. Raises LaunchError after
    ``limit``.
    """
    lock = data / "postmaster.pid"
    if not lock.exists():
        return
    deadline = time.monotonic() + limit
    while owners := _processes_in(data):
        if time.monotonic() > deadline:
            raise LaunchError(f"another server (process {owners[0]}) uses {data}: stop it first")
        time.sleep(0.05)
    lock.unlink(missing_ok=True)


def _processes_in(folder: Path) -> list[int]:
    """Living processes whose working folder this is; zombies have none."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").samefile(folder):
                found.append(int(process.name))
        except OSError:
            continue  # it has ended, or belongs to another user, who cannot own our data
    return found
