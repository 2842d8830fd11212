"""The last two scrapes, and the use of CPU that lies between them.

A window runs from one scrape to the next; of a container that has just started, from its start. Rules as in
metrics-server (pkg/storage).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

FRESH = 10.0
"""Seconds that a new container must have run before its start can begin a window: less would be inaccurate."""
PodKey = tuple[str, str]
"""Namespace and name."""


@dataclass(frozen=True)
class Point:
    """One look at a node or container: times in seconds since the epoch, CPU time in seconds, memory in bytes."""

    at: float
    cpu: float
    memory: int
    started: float = 0.0


@dataclass
class Batch:
    """One scrape of all nodes."""

    nodes: dict[str, Point] = field(default_factory=dict)
    pods: dict[PodKey, dict[str, Point]] = field(default_factory=dict)


class Usage(NamedTuple):
    """What was used on average in the window that ended `at`; `window` in milliseconds."""

    at: float
    window: int
    nanocores: int
    memory: int


class Storage:
    """`resolution` is the time between two scrapes in seconds."""

    def __init__(self, resolution: float) -> None:
        self._resolution = resolution
        self._last, self._previous = Batch(), Batch()

    @property
    def ready(self) -> bool:
        """Whether anything can be told."""
        return bool(self._previous.nodes or self._previous.pods)

    def store(self, new: Batch) -> None:
        """Remember a scrape; what is not in it is forgotten."""
        before = Batch(self._starts(self._last.nodes, self._previous.nodes, new.nodes))
        for key, containers in new.pods.items():
            last, previous = self._last.pods.get(key, {}), self._previous.pods.get(key, {})
            if starts := self._starts(last, previous, containers):
                before.pods[key] = starts
        self._last, self._previous = new, before

    def _starts(
        self, last: Mapping[str, Point], previous: Mapping[str, Point], new: Mapping[str, Point]
    ) -> dict[str, Point]:
        found = {name: self._start(last.get(name), previous.get(name), point) for name, point in new.items()}
        return {name: point for name, point in found.items() if point is not None}

    def _start(self, last: Point | None, previous: Point | None, new: Point) -> Point | None:
        """The point at which the window that `new` ends begins."""
        if FRESH <= new.at - new.started < self._resolution:
            return replace(new, at=new.started, cpu=0.0)
        if last is None or new.started >= last.at:  # unknown so far, or started again
            return None
        return last if new.at > last.at else previous

    def node(self, name: str) -> Usage | None:
        """What a node uses; None as long as nobody knows."""
        return _between(self._previous.nodes.get(name), self._last.nodes.get(name))

    def pod(self, key: PodKey) -> dict[str, Usage]:
        """What the containers of a pod use; empty as long as one of them is not known."""
        before, last = self._previous.pods.get(key, {}), self._last.pods.get(key, {})
        found = {name: _between(before.get(name), point) for name, point in last.items()}
        known = {name: usage for name, usage in found.items() if usage is not None}
        return known if len(known) == len(found) else {}


def _between(first: Point | None, last: Point | None) -> Usage | None:
    if first is None or last is None or last.cpu < first.cpu:
        return None
    seconds = last.at - first.at
    nanocores = int((last.cpu - first.cpu) / seconds * 1e9)
    return Usage(last.at, round(seconds * 1000), nanocores, last.memory)
