"""Prometheus metrics of the page."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)


class Metrics:
    """All series of one frontend."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        text = "Questions asked on the page, by whether documents were searched and whether an answer came"
        labels = ["knowledge_base", "outcome"]
        self.questions = Counter("frontend_questions", text, labels, registry=self.registry)
        self.first_piece = Histogram(
            "frontend_first_piece_seconds",
            "From a question to the first text of its answer",
            buckets=SECONDS,
            registry=self.registry,
        )

    def exposition(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)
