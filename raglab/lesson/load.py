"""Locust's own HTTP interface, the one behind its page, and one number of Prometheus."""

from __future__ import annotations

import json
import math
import os
import urllib.parse
import urllib.request
from typing import Any

from raglab.lesson.cluster import ClusterError
from raglab.lesson.waiting import wait_for

LOCUST, PROMETHEUS = 30089, 30090  # NodePorts
LIMIT = 10  # seconds for an answer
SERIES = 'DCGM_FI_DEV_GPU_UTIL{{{label}=~"nemollm-inference-.*"}}'
BUSY = f"avg({SERIES.format(label='pod')} or {SERIES.format(label='exported_pod')})"


def statistics() -> dict[str, Any]:
    """What Locust knows: users, requests, failures, response times."""
    return _ask(LOCUST, "/stats/requests")


def users(count: int) -> None:
    """So many users from now on; 0 ends the load. Waits until Locust has them all."""
    wait_for("a Locust worker", until=lambda: statistics().get("workers"))
    if count:
        _ask(LOCUST, "/swarm", {"user_count": count, "spawn_rate": count})
    else:
        _ask(LOCUST, "/stop", {})
    wait_for(f"{count} users", until=lambda: statistics()["user_count"] == count)


def busy() -> float:
    """Mean utilisation of the language model's GPUs, per cent; NaN if nobody measures it."""
    found = query(BUSY)
    return found[0] if found else math.nan


def query(promql: str) -> list[float]:
    """The values of an instant query."""
    answer = _ask(PROMETHEUS, f"/api/v1/query?{urllib.parse.urlencode({'query': promql})}")
    return [float(series["value"][1]) for series in answer["data"]["result"]]


def _ask(port: int, path: str, form: dict[str, Any] | None = None) -> dict[str, Any]:
    url = f"http://{os.environ['NODE_ADDRESS']}:{port}{path}"
    data = None if form is None else urllib.parse.urlencode(form).encode()
    try:
        with urllib.request.urlopen(url, data, timeout=LIMIT) as answer:
            found: dict[str, Any] = json.load(answer)
    except OSError as error:
        raise ClusterError(f"port {port} of the node: {error}. Look: kubectl get pods,svc -A") from error
    return found
