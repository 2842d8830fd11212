"""What programs use of this machine: CPU time and memory of a program with all its descendants, from /proc.

A cgroup would know it exactly; unprivileged processes have none of their own, so families are added up. CPU time of
children that ended is found with the parent that waited for them (proc(5), ``cutime``). Not counted is what a program
spends outside the family of its container: a daemon in plain mode that left both family and session.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

TICK = 1 / os.sysconf("SC_CLK_TCK")
"""Seconds; the kernel counts CPU time in these."""
PAGE = os.sysconf("SC_PAGE_SIZE")
PARENT, SESSION, TIMES = 1, 3, slice(11, 15)
"""Places in /proc/PID/stat after the program's name: ppid, session; utime, stime, cutime, cstime."""


class Use(NamedTuple):
    """CPU time since the start in seconds, and memory now in bytes."""

    cpu: float
    memory: int


class Processes:
    """All processes of this machine at one moment: who descends from whom, and their CPU times."""

    def __init__(self) -> None:
        self._times: dict[int, float] = {}
        self._below: dict[int, list[int]] = {}
        self._sessions: dict[int, list[int]] = {}
        for entry in Path("/proc").glob("[0-9]*/stat"):
            if text := _text(entry):
                self._add(int(entry.parent.name), text.rpartition(")")[2].split())

    def _add(self, pid: int, fields: list[str]) -> None:
        self._times[pid] = sum(map(int, fields[TIMES])) * TICK
        self._below.setdefault(int(fields[PARENT]), []).append(pid)
        self._sessions.setdefault(int(fields[SESSION]), []).append(pid)

    def family(self, pid: int) -> set[int]:
        """`pid` and its descendants, and those of the session it leads, whoever is their parent now."""
        found: set[int] = set()
        waiting = [pid, *self._sessions.get(pid, ())]
        while waiting:
            if (one := waiting.pop()) not in found and one in self._times:
                found.add(one)
                waiting += self._below.get(one, ())
        return found

    def use(self, pid: int) -> Use:
        """What the family of `pid` uses; pages shared with others are not counted."""
        family = self.family(pid)
        return Use(sum(self._times[one] for one in family), sum(map(_memory, family)))


class Meter:
    """CPU time of programs that come and go, as one counter that never falls."""

    def __init__(self) -> None:
        self._ended, self._alive = 0.0, dict[int, float]()

    def read(self, processes: Processes, pids: Iterable[int]) -> Use:
        """What these programs, and those that were read earlier and have ended, used together."""
        found = {pid: processes.use(pid) for pid in pids}
        for pid in self._alive.keys() - found.keys():
            self._ended += self._alive.pop(pid)
        for pid, use in found.items():
            # Between two looks at a parent and its child, time may hide for a moment.
            self._alive[pid] = max(use.cpu, self._alive.get(pid, 0.0))
        memory = sum(use.memory for use in found.values())
        return Use(self._ended + sum(self._alive.values()), memory)


def _memory(pid: int) -> int:
    fields = _text(Path(f"/proc/{pid}/statm")).split()
    return (int(fields[1]) - int(fields[2])) * PAGE if fields else 0


def _text(path: Path) -> str:
    """A file of /proc; empty where the process has ended meanwhile."""
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
