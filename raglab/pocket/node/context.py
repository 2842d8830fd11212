"""What all pods of a node share: settings, the API, the clock, images, records, and a way to write Events."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from raglab.pocket.client import Client, Object
from raglab.pocket.clock import Clock
from raglab.pocket.config import Settings
from raglab.pocket.events import EventRecorder
from raglab.pocket.files import read_json, write_private
from raglab.pocket.informer import Informer
from raglab.pocket.node.images import Images
from raglab.pocket.node.isolation import Isolation
from raglab.pocket.node.records import Records
from raglab.pocket.node.volumes import Tokens

log = logging.getLogger(__name__)


@dataclass
class NodeContext:
    """Handed to every pod and container."""

    settings: Settings
    client: Client
    clock: Clock
    recorder: EventRecorder
    images: Images
    records: Records
    isolation: Isolation
    services: Informer
    slices: Informer
    mark: str
    """Value of the environment variable that marks every pod process of this cluster."""
    report: Callable[[str], None]
    """Tells the guardian about process groups."""
    tokens: Tokens | None
    allocatable: Mapping[str, str] = field(default_factory=dict)
    pulled: set[str] = field(init=False)
    """Image references that are "on the machine" already."""
    _sayings: asyncio.Queue[tuple[Object, str, str, str, str]] = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self.pulled = set(read_json(self.settings.state / "images" / "pulled.json", []))

    @property
    def node_root(self) -> Path:
        """The node's own file system, where hostPath volumes lie."""
        return self.settings.state / "node"

    @property
    def sandboxed(self) -> bool:
        """Whether programs run in namespaces of their own."""
        return self.isolation.name != "plain"

    def remember_image(self, reference: str) -> None:
        """From now on, and after a restart, this image is on the machine."""
        self.pulled.add(reference)
        file = self.settings.state / "images" / "pulled.json"
        with contextlib.suppress(OSError):  # a full disk: it is pulled again one day
            write_private(file, json.dumps(sorted(self.pulled)).encode())

    def say(self, about: Object, type: str, reason: str, message: str, field_path: str = "") -> None:
        """Write an Event; in order, without waiting for it."""
        self._sayings.put_nowait((about, type, reason, message, field_path))

    async def write_events(self) -> None:
        """Write what was said, for ever."""
        while True:
            about, type, reason, message, field_path = await self._sayings.get()
            try:
                await self.recorder.event(about, type, reason, message, field_path=field_path)
            except Exception:
                log.exception("an event about %s was not written", about.get("metadata", {}).get("name"))
