"""Measures one request (first token, gaps between tokens, total) and the share of the key-value cache in
use.
"""

from __future__ import annotations

import time
from collections import defaultdict

from raglab.services.nim.llama import Event, Generation
from raglab.services.nim.metrics import Metrics


class Stopwatch:
    """Times a request from its arrival and writes what it sees into the metrics."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._arrived = time.monotonic()
        self._last: dict[int, tuple[float, int]] = {}

    def token(self, event: Event) -> None:
        """New tokens of one choice; an event may carry several, as when a stop text was ruled out."""
        if not event.generated:
            return
        now = time.monotonic()
        if not self._last:
            self._metrics.observe("time_to_first_token_seconds", now - self._arrived)
        if event.index in self._last:
            before, count = self._last[event.index]
            fresh = event.generated - count
            if fresh <= 0:
                return
            self._metrics.observe("time_per_output_token_seconds", (now - before) / fresh, fresh)
        self._last[event.index] = (now, event.generated)

    def finished(self, reasons: list[str], prompt_tokens: int, generated_tokens: int) -> None:
        """The request has its whole answer."""
        self._metrics.observe("e2e_request_latency_seconds", time.monotonic() - self._arrived)
        self._metrics.count("prompt_tokens", prompt_tokens)
        self._metrics.count("generation_tokens", generated_tokens)
        self._metrics.observe("request_prompt_tokens", prompt_tokens)
        self._metrics.observe("request_generation_tokens", generated_tokens)
        for reason in reasons:
            self._metrics.count("request_finish", finished_reason=reason)


class CacheUse:
    """Tokens that running requests hold in the key-value cache."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._held: dict[Generation, dict[int, list[int]]] = defaultdict(lambda: defaultdict(lambda: [0, 0]))

    def note(self, generation: Generation, event: Event) -> None:
        """Takes over the counts of an event: prompt tokens read so far, or tokens generated so far."""
        held = self._held[generation][event.index]
        if event.is_progress:
            held[0] = event.prompt_read
        else:
            held[1] = max(held[1], event.generated)

    def forget(self, generation: Generation) -> None:
        """The request's part of the cache is free again."""
        self._held.pop(generation, None)

    def share(self) -> float:
        """Used share of the cache, 0 to 1."""
        held = sum(sum(counts) for choices in self._held.values() for counts in choices.values())
        return held / self._capacity
