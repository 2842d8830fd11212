"""How lesson code looks at the cluster: through kubectl, as the learner does."""

from __future__ import annotations

import json
import subprocess
from typing import Any

NAMESPACE = "rag-sample"
COMMAND_LIMIT = 60  # seconds for a command that does not wait for anything


class ClusterError(Exception):
    """kubectl or helm refused; the message is theirs."""


def run(*command: str, limit: float = COMMAND_LIMIT) -> str:
    """Standard output of a command; `ClusterError` with its message when it fails."""
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        raise ClusterError(f"`{' '.join(command)}` gave no answer in {limit:.0f} s") from None
    if result.returncode:
        raise ClusterError(result.stderr.strip())
    return result.stdout


def kubectl(*arguments: str, limit: float = COMMAND_LIMIT) -> str:
    """``kubectl ARGUMENTS``."""
    return run("kubectl", *arguments, limit=limit)


def get(*what: str, namespace: str = NAMESPACE) -> dict[str, Any]:
    """One object, e.g. ``get("pvc", "pgvector-pvc")``."""
    return json.loads(kubectl("get", *what, "-n", namespace, "-o", "json"))


def items(*what: str, namespace: str = NAMESPACE) -> list[dict[str, Any]]:
    """All objects of a kind, e.g. ``items("pods", "-l", "app=x")``."""
    return get(*what, namespace=namespace)["items"]


def exists(*what: str, namespace: str = NAMESPACE) -> bool:
    """Whether an object is there."""
    return bool(kubectl("get", *what, "-n", namespace, "--ignore-not-found", "-o", "name").strip())


def last_event(name: str, namespace: str = NAMESPACE) -> str:
    """Newest event about an object: ``Reason: message``; empty if there is none."""
    found = items("events", "--field-selector", f"involvedObject.name={name}", namespace=namespace)
    found.sort(key=lambda event: event.get("lastTimestamp") or event["metadata"]["creationTimestamp"])
    return f"{found[-1]['reason']}: {found[-1]['message']}" if found else ""
