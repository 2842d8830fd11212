"""Who may run: a number of places, a bounded line of waiting requests, first come first served.

The line is kept here and not inside the model runtime because a request that waits here can be abandoned,
counted and refused; in the runtime it would be invisible.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from raglab.gpus.busy import BusyClock
from raglab.services.nim.errors import ApiError

_MEMORY = 0.2  # weight of the newest request in the running mean of service times


@dataclass(eq=False)
class Ticket:
    """The right to use some places; give it back exactly once."""

    places: int
    give_back: Callable[[Ticket], None]
    started: float = 0.0

    def release(self) -> None:
        """Frees the places."""
        self.give_back(self)


@dataclass
class Admission:
    """Places for running requests and a line in front of them, used from one event loop."""

    places: int
    max_waiting: int
    busy: BusyClock
    running: int = 0
    _free: int = 0
    _line: deque[tuple[int, asyncio.Future[Ticket]]] = field(default_factory=deque)
    _mean_seconds: float = 1.0

    def __post_init__(self) -> None:
        self._free = self.places

    @property
    def waiting(self) -> int:
        """Requests in the line."""
        return len(self._line)

    def check_room(self) -> None:
        """Raises ApiError 503 when the line is full, with the time after which a new try makes sense."""
        if self.waiting >= self.max_waiting and (self._line or not self._free):
            raise ApiError(
                503,
                f"The server is overloaded: {self.running} requests run and {self.waiting} wait already",
                code="overloaded",
                retry_after=self._seconds_until_free(),
            )

    async def enter(self, places: int) -> Ticket:
        """Waits in line for places; cancelling leaves the line."""
        if not self._line and places <= self._free:
            return self._admit(places)
        entry = (places, asyncio.get_running_loop().create_future())
        self._line.append(entry)
        try:
            return await entry[1]
        except asyncio.CancelledError:
            self._leave(entry)
            raise

    def _leave(self, entry: tuple[int, asyncio.Future[Ticket]]) -> None:
        future = entry[1]
        if future.done() and not future.cancelled():
            future.result().release()  # admitted in the same moment as it was abandoned
        elif entry in self._line:
            self._line.remove(entry)
            self._admit_next()

    def _admit(self, places: int) -> Ticket:
        self._free -= places
        self.running += 1
        self.busy.start()
        return Ticket(places, self._release, time.monotonic())

    def _release(self, ticket: Ticket) -> None:
        self._free += ticket.places
        self.running -= 1
        self.busy.stop()
        self._mean_seconds += _MEMORY * (time.monotonic() - ticket.started - self._mean_seconds)
        self._admit_next()

    def _admit_next(self) -> None:
        while self._line and self._line[0][0] <= self._free:
            places, future = self._line.popleft()
            if not future.cancelled():
                future.set_result(self._admit(places))

    def _seconds_until_free(self) -> int:
        """Time until the line has moved on, by the mean time a request takes; 1 to 60 seconds."""
        return min(60, max(1, math.ceil(self._mean_seconds * (self.waiting + 1) / self.places)))
