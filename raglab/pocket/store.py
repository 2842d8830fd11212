"""The objects of the cluster: in memory to read, in SQLite to survive.

Every write is one SQLite transaction and is then told to the watchers, in this order: what a client has been told is
on disk. Objects are immutable: a write stores a new dict, and whoever holds the old one keeps it. One counter numbers
all writes; it is the resourceVersion of every object and the position in the log of changes that watches read.

The log keeps the newest `LOG_LENGTH` changes. Who asks for an older position gets 410 and lists again.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import orjson

from raglab.pocket.client import Object
from raglab.pocket.errors import StatusError, gone

LOG_LENGTH = 2000
BACKLOG = 10_000
"""Changes a watcher may lag behind before it is told to list again."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
    shelf TEXT, namespace TEXT, name TEXT, version INTEGER, body BLOB, PRIMARY KEY (shelf, namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS counter (id INTEGER PRIMARY KEY CHECK (id = 0), version INTEGER);
INSERT OR IGNORE INTO counter VALUES (0, 0);
"""


class Change(NamedTuple):
    """One write: `old` is None for a new object, `new` is None for a deleted one.

    `last` is the deleted object as clients see it in a DELETED event: with the version of its deletion.
    """

    version: int
    shelf: str
    old: Object | None
    new: Object | None
    last: Object | None = None


class Store:
    """All objects by shelf (``apps/deployments``), namespace and name."""

    def __init__(self, path: Path) -> None:
        path.touch(mode=0o600)
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")  # survives the death of this process, which is what ends here
        self._db.executescript(SCHEMA)
        self._shelves: dict[str, dict[tuple[str, str], Object]] = {}
        self._log: deque[Change] = deque(maxlen=LOG_LENGTH)
        self._watchers: set[Subscription] = set()
        self.version = self._load()
        self._oldest = self.version
        """Position before the oldest change in the log."""

    def _load(self) -> int:
        for shelf, namespace, name, body in self._db.execute("SELECT shelf, namespace, name, body FROM objects"):
            self._shelves.setdefault(shelf, {})[namespace, name] = orjson.loads(body)
        return self._db.execute("SELECT version FROM counter").fetchone()[0]

    def close(self) -> None:
        """Fold the write-ahead log into the file."""
        self._db.close()

    def get(self, shelf: str, namespace: str, name: str) -> Object | None:
        """One object, or None."""
        return self._shelves.get(shelf, {}).get((namespace, name))

    def list(self, shelf: str, namespace: str = "") -> list[Object]:
        """All objects of a shelf, or those of one namespace, ordered by namespace and name."""
        found = self._shelves.get(shelf, {})
        return [found[key] for key in sorted(found) if not namespace or key[0] == namespace]

    def shelves(self) -> Iterator[str]:
        """Names of all shelves that have held an object."""
        return iter(self._shelves)

    def put(self, shelf: str, obj: Object) -> Object:
        """Store `obj` as a new version and return it; the caller gives the dict away."""
        meta = obj["metadata"]
        key = meta.get("namespace", ""), meta["name"]
        version = self.version + 1
        meta["resourceVersion"] = str(version)
        with self._transaction(version):
            row = (shelf, *key, version, orjson.dumps(obj))
            self._db.execute("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?)", row)
        held = self._shelves.setdefault(shelf, {})
        old, held[key] = held.get(key), obj
        self._publish(Change(version, shelf, old, obj))
        return obj

    def remove(self, shelf: str, obj: Object) -> Object:
        """Delete an object; returns its last state, which carries the version of the deletion."""
        key = obj["metadata"].get("namespace", ""), obj["metadata"]["name"]
        version = self.version + 1
        with self._transaction(version):
            self._db.execute("DELETE FROM objects WHERE shelf = ? AND namespace = ? AND name = ?", (shelf, *key))
        old = self._shelves[shelf].pop(key)
        last = obj | {"metadata": obj["metadata"] | {"resourceVersion": str(version)}}
        self._publish(Change(version, shelf, old, None, last))
        return last

    def _transaction(self, version: int) -> _Transaction:
        return _Transaction(self._db, version)

    def _publish(self, change: Change) -> None:
        self.version = change.version
        if len(self._log) == LOG_LENGTH:
            self._oldest = self._log[0].version
        self._log.append(change)
        for watcher in self._watchers:
            watcher.offer(change)

    def subscribe(self, shelf: str, since: int) -> Subscription:
        """All changes of a shelf after version `since`; 410 if the log does not reach back so far."""
        if since < self._oldest:
            raise gone(f"too old resource version: {since} ({self._oldest})")
        past = [change for change in self._log if change.version > since and change.shelf == shelf]
        subscription = Subscription(shelf, past, self._watchers.discard)
        self._watchers.add(subscription)
        return subscription


class _Transaction:
    """Writes of one version: all on disk, or none."""

    def __init__(self, db: sqlite3.Connection, version: int) -> None:
        self._db, self._version = db, version

    def __enter__(self) -> None:
        self._db.execute("BEGIN")

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> None:
        if kind is not None:
            self._db.execute("ROLLBACK")
            return
        self._db.execute("UPDATE counter SET version = ?", (self._version,))
        self._db.execute("COMMIT")


class Subscription:
    """Changes in order, without gap or repetition. A reader that lags too far behind gets 410 and must list again."""

    def __init__(self, shelf: str, past: list[Change], leave: Callable[[Subscription], None]) -> None:
        self._shelf, self._leave = shelf, leave
        self._waiting: deque[Change] = deque(past)
        self._news = asyncio.Event()
        self._overrun = False

    def offer(self, change: Change) -> None:
        """Called by the store for every change."""
        if change.shelf != self._shelf:
            return
        if len(self._waiting) >= BACKLOG:
            self._overrun = True
        else:
            self._waiting.append(change)
        self._news.set()

    async def changes(self) -> AsyncIterator[Change]:
        """Read on for ever; close the iterator to end the subscription."""
        try:
            while True:
                while self._waiting:
                    yield self._waiting.popleft()
                if self._overrun:
                    raise StatusError(410, "Expired", "the watch fell too far behind; list again")
                self._news.clear()
                await self._news.wait()
        finally:
            self._leave(self)
