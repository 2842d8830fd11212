"""Locust's own HTTP interface, the one behind its page, and one number of Prometheus."""

from __future__ import annotations

import math
from typing import Any

from raglab.lesson import node_port, prometheus
from raglab.lesson.waiting import wait_for

LOCUST = 30089  # NodePort
SERIES = 'DCGM_FI_DEV_GPU_UTIL{{{label}=~"nemollm-inference-.*"}}'
BUSY = f"avg({SERIES.format(label='pod')} or {SERIES.format(label='exported_pod')})"


def statistics() -> dict[str, Any]:
    """What Locust knows: users, requests, failures, response times."""
    found: dict[str, Any] = node_port.facts(LOCUST, "/stats/requests")
    return found


def users(count: int) -> None:
    """So many users from now on; 0 ends the load. Waits until Locust has them all."""
    wait_for("a Locust worker", until=_able)
    if count:
        node_port.facts(LOCUST, "/swarm", form={"user_count": count, "spawn_rate": count})
    else:
        node_port.facts(LOCUST, "/stop", form={})
    wait_for(f"{count} users", until=lambda: statistics()["user_count"] == count)


def _able() -> bool:
    """Whether a load would start: while one ends its workers leave for a moment, and a start then does nothing."""
    known = statistics()
    return bool(known.get("workers")) and known.get("state") != "stopping"


def busy() -> float:
    """Mean utilisation of the language model's GPUs, per cent; NaN if nobody measures it."""
    found = query(BUSY)
    return found[0] if found else math.nan


def query(promql: str) -> list[float]:
    """The values of an instant query."""
    return [value for _, value in prometheus.query(promql)]
