"""Asking a service at a port of the node, as a learner's own program would."""

from __future__ import annotations

import os
from typing import Any

import requests

from raglab.lesson.cluster import ClusterError

LIMIT = 60.0  # seconds for an answer


def url(port: int, path: str = "") -> str:
    """Address of `path` at that port of the node."""
    return f"http://{os.environ['NODE_ADDRESS']}:{port}{path}"


def ask(
    port: int,
    path: str,
    *,
    query: dict[str, str] | None = None,
    body: dict[str, Any] | None = None,
    form: dict[str, Any] | None = None,
) -> requests.Response:
    """Any answer to a GET, or to a POST if there is a `body` (as JSON) or a `form`. `ClusterError` if none comes."""
    method = "GET" if body is None and form is None else "POST"
    try:
        return requests.request(method, url(port, path), params=query, json=body, data=form, timeout=LIMIT)
    except requests.RequestException as error:
        raise ClusterError(f"port {port} of the node: {error}. Look: kubectl get pods,svc -A") from error


def facts(port: int, path: str, **what: Any) -> Any:
    """The JSON of a good answer; `ClusterError` with the service's words if it refuses."""
    answer = ask(port, path, **what)
    if not answer.ok:
        raise ClusterError(f"port {port} of the node answered {answer.status_code}: {_reason(answer)}")
    return answer.json()


def _reason(answer: requests.Response) -> str:
    """Prometheus calls it ``error``; from others the beginning of the text has to do."""
    try:
        return str(answer.json()["error"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200]
