"""What the operator tells about objects that it cannot use."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]


def rejection(obj: Object, kind: str, message: str) -> Object:
    """A warning about `obj`."""
    now, meta = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), obj["metadata"]
    about = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": kind,
        "name": meta["name"],
        "namespace": meta["namespace"],
        "uid": meta["uid"],
        "resourceVersion": meta["resourceVersion"],
    }
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"generateName": f"{meta['name']}.", "namespace": meta["namespace"]},
        "involvedObject": about,
        "reason": "InvalidConfiguration",
        "message": message[:1024],
        "type": "Warning",
        "count": 1,
        "firstTimestamp": now,
        "lastTimestamp": now,
        "source": {"component": "prometheus-controller"},
    }
