"""Finding a process again that an earlier command started, without mistaking another one for it.

A process id alone may be reused after a crash or a reboot, so a record also holds the time the process was created.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

KILL_LIMIT = 10.0  # seconds; only a program stuck in the kernel takes longer
STOP_LIMIT = 2.0  # seconds; a process that waits for the disk stops when that has answered
INTERVAL = 0.02  # seconds
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SAME_MOMENT = 1.0  # seconds; creation times come in clock ticks and shift a little when the clock is set


def remember(file: Path, pid: int) -> None:
    """Write down which process this is, readable by its owner only. The file is whole or absent."""
    record = {"pid": pid, "created": psutil.Process(pid).create_time()}
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(record))
    draft.replace(file)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Put off Ctrl-C, TERM and HUP until the end of the block. Outside the main thread they do not arrive anyway."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    arrived: list[int] = []
    before = {
        number: signal.signal(number, lambda caught, _: arrived.append(caught)) for number in INTERRUPTS
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for caught in arrived:
            signal.raise_signal(caught)


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
        return process if same and lives(process) else None
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None


def lives(process: psutil.Process) -> bool:
    """False as soon as a process has ended, even if its parent has not noticed yet (a zombie).

    A process whose first thread alone has ended is a zombie, too: what it listened on is free when the others have.
    """
    try:
        if not process.is_running():
            return False
        return process.status() != psutil.STATUS_ZOMBIE or process.num_threads() > 1
    except psutil.NoSuchProcess:
        return False


def end(process: psutil.Process, limit: float) -> None:
    """Ask a process to end, wait up to `limit` seconds, then make it."""
    try:
        process.terminate()
        if not _ended_within(process, limit):
            process.kill()
            _ended_within(process, KILL_LIMIT)
    except psutil.NoSuchProcess:
        return


def gone(process: psutil.Process) -> None:
    """Wait until a process that was killed has ended."""
    _ended_within(process, KILL_LIMIT)


def wait_until_stopped(pids: Iterable[int]) -> None:
    """Wait until processes that were sent SIGSTOP stand still: the signal is sent, not obeyed, when `kill` returns."""
    deadline = time.monotonic() + STOP_LIMIT
    while any(map(_moves, pids)) and time.monotonic() < deadline:
        time.sleep(INTERVAL / 10)


def _moves(pid: int) -> bool:
    try:
        status: str = psutil.Process(pid).status()
        return status not in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _ended_within(process: psutil.Process, limit: float) -> bool:
    deadline = time.monotonic() + limit
    while lives(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(INTERVAL)
    return True
