"""Lends a pipeline to one thread at a time.

A pipeline holds one database connection and one HTTP session, which two threads must not share. The one given
back last is lent first, so that few connections are used; one whose run failed is thrown away with its
connections.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from haystack import Pipeline


class Pool:
    """Pipelines made by ``make`` when none is free."""

    def __init__(self, make: Callable[[], Pipeline]) -> None:
        self._make = make
        self._free: list[Pipeline] = []
        self._lock = threading.Lock()

    @contextmanager
    def lend(self) -> Iterator[Pipeline]:
        """A pipeline for the duration of a ``with`` block."""
        with self._lock:
            pipeline = self._free.pop() if self._free else None
        pipeline = pipeline or self._make()
        try:
            yield pipeline
        except BaseException:
            pipeline.close()
            raise
        with self._lock:
            self._free.append(pipeline)

    def close(self) -> None:
        """Close what is free."""
        with self._lock:
            for pipeline in self._free:
                pipeline.close()
            self._free.clear()
