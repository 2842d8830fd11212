"""Busy time: how long something has been at work, told by one number that other processes may read at any instant.

The number is the seconds so far if it is not negative; otherwise the work began when the clock showed (seconds so far -
number). The machine stores it at once, so no reader can meet half an update. The clock is CLOCK_MONOTONIC, the same for
all processes of a machine.
"""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable
from typing import TypeAlias

Cell: TypeAlias = "memoryview[float] | array[float]"
"""A place for one number."""


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
