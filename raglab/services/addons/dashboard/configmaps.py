"""ConfigMaps with a label, read through the Kubernetes API as Grafana's sidecar does, from all namespaces."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from raglab.incluster import ApiError


@dataclass(frozen=True)
class File:
    """A file by content; `source` says where it came from, for messages."""

    source: str
    name: str
    text: str


class ConfigMapsError(Exception):
    """The Kubernetes API gives no ConfigMaps; the message says why."""


class Reader(Protocol):
    """The part of `raglab.incluster.Api` that is needed."""

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """An object or a list."""


async def labelled(api: Reader, label: str) -> list[File]:
    """Every key of every ConfigMap with ``label=1``; raises ConfigMapsError."""
    try:
        found = await asyncio.to_thread(api.get, "/api/v1/configmaps", labelSelector=f"{label}=1")
    except ApiError as error:
        raise ConfigMapsError(f"The Kubernetes API gives no ConfigMaps: {error}") from error
    return [file for item in found["items"] for file in _files(item)]


def _files(item: Mapping[str, Any]) -> Iterator[File]:
    meta = item["metadata"]
    for name, text in sorted((item.get("data") or {}).items()):
        yield File(f"ConfigMap {meta['namespace']}/{meta['name']}", name, text)
