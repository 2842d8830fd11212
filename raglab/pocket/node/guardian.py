"""The guardian: a small process that ends every pod when the cluster process is gone, however it went.

It is told process groups over its standard input (``+123`` and ``-123``), ignores the signals a terminal sends to
everybody, and waits for the end of that input, which no kind of death of the cluster process can prevent. Then it
sends TERM to all groups, waits, and kills until no process carries the cluster's mark: a variable in the environment of
every pod process, which also finds those that left their group. It imports little, for it lives as long as the cluster.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

MARK = "RAGLAB_POCKET"
GRACE = 2.0
"""Seconds between TERM and KILL once nobody is left to ask for more."""


def marked(mark: str) -> list[int]:
    """Processes whose environment has MARK set to `mark` or to something below it (``mark.…``).

    Without /proc (macOS) nothing can be found this way, and process groups have to do.
    """
    found = []
    wanted = f"{MARK}={mark}".encode()
    for entry in Path("/proc").glob("[0-9]*/environ"):
        try:
            variables = entry.read_bytes().split(b"\0")
        except OSError:
            continue  # gone meanwhile, or another user's
        if any(item == wanted or item.startswith(wanted + b".") for item in variables):
            found.append(int(entry.parent.name))
    return [pid for pid in found if pid != os.getpid()]


def signal_all(number: int, groups: Iterable[int], pids: Iterable[int]) -> None:
    """Send a signal to groups and processes, some of which may be gone."""
    for group in groups:
        _send(os.killpg, group, number)
    for pid in pids:
        _send(os.kill, pid, number)


def _send(function: object, target: int, number: int) -> None:
    try:
        function(target, number)  # type: ignore[operator]
    except (ProcessLookupError, PermissionError):
        return


def sweep(mark: str, groups: Iterable[int] = (), grace: float = GRACE) -> int:
    """End all marked processes and `groups`: TERM, wait up to `grace` seconds, KILL until none is left.

    Returns how many there were.
    """
    groups = list(groups)
    first = marked(mark)
    signal_all(signal.SIGTERM, groups, first)
    deadline = time.monotonic() + grace
    while time.monotonic() < deadline and _left(mark, groups):
        time.sleep(0.05)
    signal_all(signal.SIGKILL, groups, ())
    for _ in range(100):
        if not _left(mark, groups):
            break
        signal_all(signal.SIGKILL, groups, marked(mark))
        time.sleep(0.02)
    return len(first)


def _left(mark: str, groups: Iterable[int]) -> bool:
    """Whether anything is alive. Dead processes that nobody has reaped keep their group but not their mark."""
    return bool(marked(mark)) if Path("/proc/self/environ").exists() else any(map(_alive, groups))


def _alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def main() -> None:
    """``guardian.py MARK``, with process groups on standard input. Says ``ready`` once no signal can end it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    print("ready", flush=True)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        groups.add(group) if line.startswith("+") else groups.discard(group)
    sweep(sys.argv[1], groups)


if __name__ == "__main__":
    main()
