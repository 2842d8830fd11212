"""Prometheus metrics of the service, and a Haystack tracer that measures every component of the pipelines."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from typing import Any

from haystack.tracing import Span, Tracer
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """All series of one service."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        of = self.registry
        self.requests = Counter(
            "query_router_requests", "Answered requests", ["method", "status"], registry=of
        )
        self.duration = _histogram(
            of, "request_duration", "From a request to the end of its answer", ["method"]
        )
        self.stages = _histogram(of, "stage_duration", "Run time of a pipeline component", ["stage"])
        self.first_piece = _histogram(
            of, "first_piece", "From a generate request to the first text of its answer"
        )
        self.documents = Gauge("query_router_documents", "Files in the knowledge base", registry=of)
        self.chunks = Gauge("query_router_chunks", "Chunks in the knowledge base", registry=of)

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)


def _histogram(registry: CollectorRegistry, name: str, text: str, labels: Sequence[str] = ()) -> Histogram:
    return Histogram(f"query_router_{name}_seconds", text, labels, buckets=SECONDS, registry=registry)


class _Quiet(Span):
    """A span nobody looks into."""

    def set_tag(self, key: str, value: Any) -> None:
        """Tags are not kept."""


class StageTimer(Tracer):
    """Times the components of pipelines: Haystack opens a span around each run."""

    def __init__(self, stages: Histogram) -> None:
        self._stages = stages

    @contextlib.contextmanager
    def trace(
        self, operation_name: str, tags: dict[str, Any] | None = None, parent_span: Span | None = None
    ) -> Iterator[Span]:
        """Called by Haystack."""
        started = time.perf_counter()
        yield _Quiet()
        if operation_name == "haystack.component.run":
            stage = str((tags or {}).get("haystack.component.type"))
            self._stages.labels(stage).observe(time.perf_counter() - started)

    def current_span(self) -> Span | None:
        """None: spans are not nested here."""
        return None
