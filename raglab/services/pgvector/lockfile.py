"""Judges the lock files that a killed server leaves behind: ``postmaster.pid`` and the one beside its Unix
socket.

PostgreSQL itself ignores such a file when its process id is free. It refuses to start when the number is in
use, although that may be a zombie nobody has collected yet, or, in a pod whose numbers start again, an
unrelated program. Here the files count only while a process whose working folder is the data folder lives:
every server process has it.
"""

from __future__ import annotations

import time
from pathlib import Path

from raglab.services.pgvector.settings import HERE, LaunchError

LIMIT = 10.0
"""Seconds an old server may take to end: it stops with its launcher, at most after a checkpoint."""


def clear(data: Path, socket: Path, limit: float = LIMIT) -> None:
    """Wait until no server uses the data folder, then remove what it left. Raises LaunchError after
    ``limit``.
    """
    locks = [data / "postmaster.pid", socket.with_name(socket.name + ".lock")]
    left = [lock for lock in locks if _names(lock, data)]
    deadline = time.monotonic() + limit
    while left and (owners := _processes_in(data)):
        if time.monotonic() > deadline:
            raise LaunchError(f"another server (process {owners[0]}) uses {data}: stop it first")
        time.sleep(0.05)
    for lock in left:
        lock.unlink(missing_ok=True)


def _names(lock: Path, data: Path) -> bool:
    """Whether the second line of a lock file is this data folder; another server's socket is none of our
    business.
    """
    try:
        return lock.read_text().splitlines()[1] in (str(data), HERE)
    except (OSError, IndexError, UnicodeDecodeError):
        return lock.parent == data and lock.exists()


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
