"""A local copy of one resource, kept current by a watch.

Controllers, the scheduler and the node agent read from an `Informer` instead of asking the API again and
again: the watch lists everything once and then tells each change. When the watch breaks (the API restarts,
or answers 410 because its log no longer reaches back far enough) the informer lists again and reports what
changed in between, so whoever listens sees every object's latest state at least once, and never misses a
deletion.

Reading one's own writes: a copy is a moment behind. `Informer.caught_up` waits until the copy contains a
write, which is what keeps a controller from creating the same pod twice.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from raglab.pocket.client import Client, Object, WatchEvent
from raglab.pocket.clock import Clock, SystemClock
from raglab.pocket.errors import StatusError

Key = tuple[str, str]
"""Namespace ("" for cluster-scoped objects) and name."""
Handler = Callable[[Object | None, Object | None], None]
"""Called with (before, after): before is None for a new object, after is None for one that is gone."""

FIRST_RETRY, LONGEST_RETRY = 0.1, 10.0

log = logging.getLogger(__name__)


def key_of(obj: Object) -> Key:
    """Namespace and name of an object."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def version_of(obj: Object) -> int:
    """The object's resourceVersion as a number, 0 if it has none (they grow, and may be compared, since
    1.35).
    """
    return int(obj.get("metadata", {}).get("resourceVersion") or 0)


class Cache:
    """Objects of one resource by key, with indexes by namespace, by uid and by owner. What it returns is
    read-only.
    """

    def __init__(self, objects: Iterable[Object] = ()) -> None:
        self._items: dict[Key, Object] = {}
        self._namespaces: dict[str, dict[str, Object]] = {}
        self._uids: dict[str, Object] = {}
        self._owned: dict[str, dict[Key, Object]] = {}
        for obj in objects:
            self.put(obj)

    def __len__(self) -> int:
        return len(self._items)

    def __iter__(self) -> Iterator[Object]:
        return iter(list(self._items.values()))

    def keys(self) -> set[Key]:
        """Keys of all objects."""
        return set(self._items)

    def get(self, name: str, namespace: str = "") -> Object | None:
        """The object with this name, or None."""
        return self._items.get((namespace, name))

    def by_uid(self, uid: str) -> Object | None:
        """The object with this uid, or None."""
        return self._uids.get(uid)

    def owned(self, uid: str) -> list[Object]:
        """Objects with an owner reference to `uid`, ordered by name."""
        return [obj for _, obj in sorted(self._owned.get(uid, {}).items())]

    def list(self, namespace: str = "", labels: Mapping[str, str] | None = None) -> list[Object]:
        """Objects in `namespace` ("" is every namespace) that carry all of `labels`, ordered by key."""
        shelf: dict[Any, Object] = self._namespaces.get(namespace, {}) if namespace else self._items
        wanted = (labels or {}).items()
        return [obj for _, obj in sorted(shelf.items()) if wanted <= _labels(obj).items()]

    def put(self, obj: Object) -> Object | None:
        """Add or replace; returns what was there."""
        key = key_of(obj)
        before = self.remove(key)
        self._items[key] = obj
        self._namespaces.setdefault(key[0], {})[key[1]] = obj
        if uid := obj["metadata"].get("uid"):
            self._uids[uid] = obj
        for owner in obj["metadata"].get("ownerReferences", ()):
            self._owned.setdefault(owner["uid"], {})[key] = obj
        return before

    def remove(self, key: Key) -> Object | None:
        """Take an object out; returns it, or None if there was none."""
        obj = self._items.pop(key, None)
        if obj is None:
            return None
        _drop(self._namespaces, key[0], key[1])
        self._uids.pop(obj["metadata"].get("uid", ""), None)
        for owner in obj["metadata"].get("ownerReferences", ()):
            _drop(self._owned, owner["uid"], key)
        return obj


def _labels(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}


def _drop(index: dict[str, dict[Any, Object]], shelf: str, key: Any) -> None:
    """Remove `key` from an index and leave no empty shelf behind."""
    entries = index.get(shelf, {})
    entries.pop(key, None)
    if not entries:
        index.pop(shelf, None)


class Informer(Cache):
    """A `Cache` that follows the API. `run` it as a task; wait for `synced` before the first read."""

    def __init__(
        self,
        client: Client,
        resource: str,
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        clock: Clock | None = None,
    ) -> None:
        super().__init__()
        self.resource = resource
        self.synced = asyncio.Event()
        """Set after the first complete list, and from then on."""
        self.version = 0
        """Newest resourceVersion seen."""
        self._client, self._clock = client, clock or SystemClock()
        self._scope = {"namespace": namespace, "labels": labels, "fields": fields}
        self._handlers: list[Handler] = []
        self._stale: set[Key] | None = None
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []

    def on_change(self, handler: Handler) -> None:
        """Call `handler` for every later change, and now for everything that is already here."""
        self._handlers.append(handler)
        for obj in self:
            self._call(handler, None, obj)

    async def caught_up(self, version: int, timeout: float = 5.0) -> bool:
        """Wait until everything up to `version` is here; False if that took more than `timeout` real
        seconds.
        """
        return await self.until(lambda: self.version >= version, timeout)

    async def until(self, holds: Callable[[], bool], timeout: float = 5.0) -> bool:
        """Wait until `holds()` after some event; False if that took more than `timeout` real seconds."""
        if holds():
            return True
        reached: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((holds, reached))
        done, _ = await asyncio.wait([reached], timeout=timeout)
        reached.cancel()
        return bool(done)

    async def run(self) -> None:
        """Follow the API for ever: list and watch, and again after each failure with a growing, bounded
        pause.
        """
        pause = FIRST_RETRY
        while True:
            self._stale = self.keys()
            try:
                async for event in self._client.watch(self.resource, **self._scope):
                    self._receive(event)
                    pause = FIRST_RETRY
            except (StatusError, OSError) as error:
                log.info("watch of %s ended: %s", self.resource, error)
            await self._clock.sleep(pause)
            pause = min(pause * 2, LONGEST_RETRY)

    def _receive(self, event: WatchEvent) -> None:
        if event.type == "BOOKMARK":
            self._listed()
        elif event.type == "DELETED":
            self._tell(self.remove(key_of(event.object)), None)
        else:
            self._store(event.object)
        self._advance(version_of(event.object))

    def _store(self, obj: Object) -> None:
        if self._stale is not None:
            self._stale.discard(key_of(obj))
        before = self.put(obj)
        if before is not None and before["metadata"].get("uid") != obj["metadata"].get("uid"):
            self._tell(before, None)  # deleted and created again while the watch was broken
            before = None
        if before is None or version_of(before) != version_of(obj):
            self._tell(before, obj)

    def _listed(self) -> None:
        """The list is complete: what it did not contain is gone."""
        for key in self._stale or ():
            self._tell(self.remove(key), None)
        self._stale = None
        self.synced.set()

    def _tell(self, before: Object | None, after: Object | None) -> None:
        if before is not None or after is not None:
            for handler in self._handlers:
                self._call(handler, before, after)

    def _call(self, handler: Handler, before: Object | None, after: Object | None) -> None:
        """One who stumbles over an odd object does not stop the others, nor the watch."""
        try:
            handler(before, after)
        except Exception:
            log.exception("a change of %s %s was not taken in", self.resource, key_of(after or before or {}))

    def _advance(self, version: int) -> None:
        if self._stale is not None:
            return  # a list arrives in the order of names, not of versions
        self.version = max(self.version, version)
        for holds, reached in self._waiting:
            if not reached.done() and holds():
                reached.set_result(None)
        self._waiting = [entry for entry in self._waiting if not entry[1].done()]
