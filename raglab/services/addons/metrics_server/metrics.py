"""One NodeMetrics or PodMetrics: as an object, and as the row of a table."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from raglab.services.addons.metrics_server.quantities import cores, duration, size
from raglab.services.addons.metrics_server.storage import Usage

Object = dict[str, Any]


@dataclass(frozen=True)
class Metrics:
    """`about` is the metadata of a node or pod, `usages` what its containers use; a node's own has no name."""

    about: Object
    usages: Mapping[str, Usage]

    @property
    def name(self) -> str:
        """As refusals name it: with its namespace."""
        return "/".join(filter(None, (self.about.get("namespace"), self.about["name"])))

    @property
    def _first(self) -> Usage:
        """Time and window of a pod are those of the container that was measured first."""
        return min(self.usages.values(), key=lambda usage: usage.at)

    @property
    def metadata(self) -> Object:
        """Metrics are made when they are asked for, and carry the labels of what they are about."""
        found = {key: self.about[key] for key in ("name", "namespace") if key in self.about}
        labels = {"labels": self.about["labels"]} if self.about.get("labels") else {}
        return found | {"creationTimestamp": _time(time.time())} | labels

    @property
    def object(self) -> Object:
        """Without kind, as it stands in lists."""
        head = {"metadata": self.metadata, "timestamp": _time(self._first.at)}
        amounts = {name: _amounts(usage) for name, usage in sorted(self.usages.items())}
        body: Object = {"containers": [{"name": name, "usage": used} for name, used in amounts.items()]}
        return (
            head
            | {"window": duration(self._first.window)}
            | ({"usage": amounts[""]} if "" in amounts else body)
        )

    @property
    def cells(self) -> list[str]:
        """Name, CPU and memory of all containers together, window."""
        cpu = sum(usage.nanocores for usage in self.usages.values())
        memory = sum(usage.memory for usage in self.usages.values())
        return [self.about["name"], cores(cpu), size(memory), duration(self._first.window)]


def _amounts(usage: Usage) -> Object:
    return {"cpu": cores(usage.nanocores), "memory": size(usage.memory)}


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
