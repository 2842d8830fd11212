"""The Prometheus series of NIM for LLMs 1.x: names, types, buckets and labels are the contract, values are
measured.

Source of the contract: an exposition captured from a llama-3.1-8b-instruct NIM. All series carry the label
`model_name`. `raglab_busy_seconds_total` is not part of NIM: it counts the time in which work was running,
from which a GPU's utilisation can be told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from prometheus_client import (
    GC_COLLECTOR,
    PLATFORM_COLLECTOR,
    PROCESS_COLLECTOR,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from raglab.gpus.busy import BusyClock

_TOKENS = (*(step * 10**power for power in range(5) for step in (1, 2, 5)), 100_000)
_FIRST_TOKEN = (0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
_PER_TOKEN = (0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 2.5)
_LATENCY = (1.0, 2.5, 5.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 60.0)


@dataclass(frozen=True)
class Series:
    """One series of the exposition; a counter's name is written without `_total`."""

    name: str
    kind: type[Counter] | type[Gauge] | type[Histogram]
    help: str
    buckets: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()

    def create(self, registry: CollectorRegistry) -> Any:
        """Registers the series."""
        extra: dict[str, Any] = {"buckets": self.buckets} if self.buckets else {}
        return self.kind(self.name, self.help, ("model_name", *self.labels), registry=registry, **extra)


REQUESTS = (
    Series(
        "num_requests_running", Gauge, "Requests the model is working on now (CPU standing in for a GPU)."
    ),
    Series("num_requests_waiting", Gauge, "Requests waiting for a free place."),
    Series("num_request_max", Gauge, "Requests that can run at the same time."),
    Series("prompt_tokens", Counter, "Prompt tokens processed."),
    Series(
        "e2e_request_latency_seconds", Histogram, "Seconds from a request's arrival to its end.", _LATENCY
    ),
    Series("request_prompt_tokens", Histogram, "Prompt tokens per request.", _TOKENS),
    Series("request_success", Counter, "Requests answered."),
    Series("request_failure", Counter, "Requests refused, failed or abandoned by the client."),
)
GENERATION = (
    Series("gpu_cache_usage_perc", Gauge, "Share of the key-value cache in use; 1 is all of it."),
    Series("generation_tokens", Counter, "Tokens generated."),
    Series(
        "time_to_first_token_seconds", Histogram, "Seconds from arrival to the first token.", _FIRST_TOKEN
    ),
    Series("time_per_output_token_seconds", Histogram, "Seconds between output tokens.", _PER_TOKEN),
    Series("request_generation_tokens", Histogram, "Tokens generated per request.", _TOKENS),
    Series("request_finish", Counter, "Finished requests by reason.", labels=("finished_reason",)),
)


class Metrics:
    """A registry of its own holding the given series, all labelled with the served model's name."""

    def __init__(self, model_name: str, series: Iterable[Series]) -> None:
        disable_created_metrics()
        self._model_name = model_name
        self.registry = CollectorRegistry()
        for collector in (GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR):
            self.registry.register(collector)
        self._series = {entry.name: entry.create(self.registry) for entry in series}
        self.busy = BusyClock()
        self.registry.register(_BusySeconds(model_name, self.busy))
        for name, metric in self._series.items():
            if name != "request_finish":
                metric.labels(model_name)  # a series exists from the start, at zero

    def observe(self, name: str, value: float, times: int = 1) -> None:
        """Adds a value to a histogram, `times` over."""
        child = self._series[name].labels(self._model_name)
        for _ in range(times):
            child.observe(value)

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Adds to a counter."""
        self._series[name].labels(model_name=self._model_name, **labels).inc(amount)

    def gauge(self, name: str, read: Callable[[], float]) -> None:
        """Has a gauge read its value at scrape time."""
        self._series[name].labels(self._model_name).set_function(read)

    def exposition(self) -> bytes:
        """All series in the Prometheus text format."""
        return generate_latest(self.registry)


class _BusySeconds(Collector):
    def __init__(self, model_name: str, clock: BusyClock) -> None:
        self._model_name, self._clock = model_name, clock

    def collect(self) -> Iterator[CounterMetricFamily]:
        text = "Seconds in which work was running; not a NIM series, feeds the simulated GPU's utilisation."
        family = CounterMetricFamily("raglab_busy_seconds", text, labels=["model_name"])
        family.add_metric([self._model_name], self._clock.seconds())
        yield family
