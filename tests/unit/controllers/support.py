"""Helpers for tests of controllers: virtual time, and an API that says what a test tells it to."""

import asyncio
import heapq
import itertools

from raglab.pocket.client import WatchEvent


class VirtualClock:
    """Time that stands still until `advance` moves it."""

    def __init__(self, now=1_800_000_000.0):
        self.now, self._sleepers, self._order = now, [], itertools.count()

    def time(self):
        return self.now

    async def sleep(self, seconds):
        if seconds <= 0:
            return await asyncio.sleep(0)
        wake = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, next(self._order), wake))
        await wake

    async def advance(self, seconds):
        """Let `seconds` pass, waking each sleeper at its time and letting it act before time goes on."""
        await settle()
        end = self.now + seconds
        while self._sleepers and self._sleepers[0][0] <= end:
            self.now, _, wake = heapq.heappop(self._sleepers)
            if not wake.done():
                wake.set_result(None)
            await settle()
        self.now = end
        await settle()


async def settle(rounds=50):
    """Let every task that can run, run."""
    for _ in range(rounds):
        await asyncio.sleep(0)


class ScriptedClient:
    """Serves one scripted list of events (or an error to raise) per call of `watch`, then stays silent."""

    def __init__(self, *scripts):
        self.scripts, self.watches = list(scripts), 0

    async def watch(self, resource, namespace="", *, labels="", fields=""):
        self.watches += 1
        for step in self.scripts.pop(0) if self.scripts else ():
            if isinstance(step, Exception):
                raise step
            yield WatchEvent(*step)
        if not self.scripts:
            await asyncio.Event().wait()
