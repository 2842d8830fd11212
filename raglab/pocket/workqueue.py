"""The queue between "something changed" and "look at it again".

It holds keys, not changes: a key that is added ten times is handed out once, and whoever gets it looks at
the newest state. Failures come back after a pause that doubles with each one.
"""

from __future__ import annotations

import asyncio
from collections import deque

from raglab.pocket.clock import Clock
from raglab.pocket.informer import Key

FIRST_RETRY, LONGEST_RETRY = 0.01, 30.0
MOST_DOUBLINGS = 12
"""The first retry doubled so often is longer than the longest; a number that grew on would not fit a float."""


class WorkQueue:
    """Keys to be looked at by one worker, first in, first out."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._order: deque[Key] = deque()
        self._queued: set[Key] = set()
        self._filled = asyncio.Event()
        self._timers: dict[Key, tuple[float, asyncio.Task[None]]] = {}
        self._failures: dict[Key, int] = {}

    def add(self, key: Key) -> None:
        """Have `key` looked at as soon as possible."""
        if key not in self._queued:
            self._queued.add(key)
            self._order.append(key)
            self._filled.set()

    def add_after(self, key: Key, seconds: float) -> None:
        """Have `key` looked at in `seconds`, or earlier if that was asked for before."""
        due = self._clock.time() + seconds
        if key in self._timers:
            earlier, timer = self._timers[key]
            if earlier <= due:
                return
            timer.cancel()
        self._timers[key] = (due, asyncio.create_task(self._wait(key, seconds)))

    def retry(self, key: Key) -> None:
        """Have `key` looked at again after a failure."""
        failures = self._failures.get(key, 0)
        self._failures[key] = min(failures + 1, MOST_DOUBLINGS)
        self.add_after(key, min(FIRST_RETRY * 2**failures, LONGEST_RETRY))

    def forget(self, key: Key) -> None:
        """`key` succeeded: its next failure is a first one."""
        self._failures.pop(key, None)

    async def get(self) -> Key:
        """The next key; waits for one."""
        while not self._order:
            self._filled.clear()
            await self._filled.wait()
        key = self._order.popleft()
        self._queued.discard(key)
        return key

    def close(self) -> None:
        """Stop all timers."""
        for _, timer in self._timers.values():
            timer.cancel()

    async def _wait(self, key: Key, seconds: float) -> None:
        await self._clock.sleep(seconds)
        del self._timers[key]
        self.add(key)
