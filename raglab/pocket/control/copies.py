"""The local copies that controllers share. Those of custom resources come and go with their definitions."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from raglab.pocket.client import Client, Object
from raglab.pocket.clock import Clock
from raglab.pocket.informer import Cache, Informer
from raglab.pocket.kinds.custom import ESTABLISHED, is_true

View = Mapping[str, Cache]
"""The local copies by resource: ``pods``, and with the group for custom ones, ``widgets.example.com``."""
DEFINITIONS = "customresourcedefinitions"
Arrival = Callable[[Informer], None]

log = logging.getLogger(__name__)


class Defined(NamedTuple):
    """A custom resource in one version. A definition has the name of the resource that it defines."""

    api_version: str
    kind: str
    resource: str
    namespaced: bool


def defined(view: View) -> Iterator[Defined]:
    """The custom resources that are served. One may not be `in` the view yet: then its local copy is on its way."""
    for definition in view[DEFINITIONS]:
        if is_true(definition, ESTABLISHED):
            yield from versions(definition)


def versions(definition: Object) -> Iterator[Defined]:
    """The served versions of one definition."""
    spec, name = definition["spec"], definition["metadata"]["name"]
    for version in spec["versions"]:
        if version["served"]:
            of = f"{spec['group']}/{version['name']}"
            yield Defined(of, spec["names"]["kind"], name, spec["scope"] == "Namespaced")


class Informers(dict[str, Informer]):
    """The local copies. Each is started when first asked for, those of custom resources when they are defined: these
    are `in` it only when they are complete.
    """

    def __init__(self, client: Client, clock: Clock, tasks: asyncio.TaskGroup) -> None:
        super().__init__()
        self._client, self._clock, self._tasks = client, clock, tasks
        self._followed: dict[str, asyncio.Task[None]] = {}
        self._arrivals: list[Arrival] = []

    def __missing__(self, resource: str) -> Informer:
        informer = self[resource] = Informer(self._client, resource, clock=self._clock)
        self._tasks.create_task(informer.run(), name=f"informer {resource}")
        return informer

    def on_arrival(self, handler: Arrival) -> None:
        """Call `handler` with the local copy of every custom resource, those of now and those to come."""
        self._arrivals.append(handler)
        if len(self._arrivals) == 1:
            self[DEFINITIONS].on_change(self._definition)
        for resource in self._followed.keys() & self.keys():
            handler(self[resource])

    def _definition(self, before: Object | None, after: Object | None) -> None:
        """A definition has changed."""
        name = (after or before or {})["metadata"]["name"]
        if after is None:
            self.pop(name, None)
            if task := self._followed.pop(name, None):
                task.cancel()
        elif name not in self._followed and is_true(after, ESTABLISHED):
            task = self._tasks.create_task(self._follow(name), name=f"informer {name}")
            self._followed[name] = task

    async def _follow(self, resource: str) -> None:
        informer = Informer(self._client, resource, clock=self._clock)
        running = asyncio.create_task(informer.run())
        try:
            await informer.synced.wait()
            self[resource] = informer
            for handler in self._arrivals:
                try:
                    handler(informer)
                except Exception:
                    log.exception("the beginning of %s was not taken in", resource)
            await running
        finally:
            running.cancel()
