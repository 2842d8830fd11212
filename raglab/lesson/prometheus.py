"""Questions to the lab's Prometheus, through its HTTP API at its NodePort."""

from __future__ import annotations

from typing import Any

from raglab.lesson import node_port
from raglab.lesson.cluster import ClusterError

PORT = 30090


def query(expression: str) -> list[tuple[dict[str, str], float]]:
    """(labels, value) of every series that an expression gives now. `ClusterError` if it is refused."""
    found = _data("query", query=expression)
    if found["resultType"] != "vector":
        raise ClusterError(f"the expression gives a {found['resultType']}, not one value per series")
    return [(one["metric"], float(one["value"][1])) for one in found["result"]]


def targets() -> dict[str, str]:
    """Health of the targets by job; the worst one where a job has several."""
    found = _data("targets", state="active")["activeTargets"]
    health = [(target["labels"]["job"], target["health"]) for target in found]
    return {job: next((h for j, h in health if j == job and h != "up"), "up") for job in sorted(dict(health))}


def _data(path: str, **query: str) -> Any:
    return node_port.facts(PORT, f"/api/v1/{path}", query=query)["data"]
