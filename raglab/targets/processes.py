"""Finding a process again that an earlier command started, without mistaking another one for it.

A process id alone may be reused after a crash or a reboot, so a record also holds the time the process was created.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import psutil

SAME_MOMENT = 1.0  # seconds; creation times come in clock ticks and shift a little when the clock is set


def remember(file: Path, pid: int) -> None:
    """Write down which process this is, readable by its owner only. The file is whole or absent."""
    record = {"pid": pid, "created": psutil.Process(pid).create_time()}
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(record))
    draft.replace(file)


def facts(file: Path) -> dict[str, Any]:
    """What a record says; raises `OSError` or `ValueError` if it is missing or damaged."""
    found = json.loads(file.read_text())
    if not isinstance(found, dict):
        raise ValueError(f"{file} is not a record of a process")
    return found


def recall(file: Path) -> psutil.Process | None:
    """The process a record names, if it still lives; a record that is missing or damaged names none."""
    try:
        record = facts(file)
        process = psutil.Process(record["pid"])
        same = abs(process.create_time() - record["created"]) < SAME_MOMENT
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None


def end(process: psutil.Process, limit: float) -> None:
    """Ask a process to end, wait up to `limit` seconds, then make it."""
    try:
        process.terminate()
        process.wait(limit)
    except psutil.NoSuchProcess:
        return
    except psutil.TimeoutExpired:
        process.kill()
        process.wait(10)
