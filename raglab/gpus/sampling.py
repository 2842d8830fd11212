"""Load: what devices did between two looks at what their processes publish."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from raglab.gpus.usage import Process, read


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
