"""Every object of the cluster, in memory and on disk, under one growing version number.

Reads are dictionary look-ups. A write is one SQLite transaction and only then becomes visible, so what a client was
told is stored has been handed to the operating system: it survives ``kill -9`` at any moment, and a write is never
half there. (WAL with ``synchronous=NORMAL``: only a power failure can lose the last moments.) A write that the disk
does not take changes nothing and is refused (507). A database that has been damaged is told from a sound one: every
row has a checksum, and a small file beside it holds the newest version that was acknowledged.

Watches need no queues. Each shelf (one resource) keeps its latest changes in a bounded log, a watcher is a position in
that log, and waking it up means letting it read on. So there is no gap and no duplicate by construction, and a watcher
too slow for the log finds its position gone and is told so (410), instead of filling the memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import zlib
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import orjson

from raglab.pocket.errors import StatusError, gone

Object = dict[str, Any]
Key = tuple[str, str]
"""Namespace ("" for cluster-scoped objects) and name."""
LOG_LENGTH = 1024
"""Changes remembered per shelf: how far back a watch may start, and how far it may fall behind."""
FORMAT = 2
SCHEMA = f"""
CREATE TABLE objects (
    shelf TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, body BLOB NOT NULL,
    checksum INTEGER NOT NULL, PRIMARY KEY (shelf, namespace, name));
CREATE TABLE counter (version INTEGER NOT NULL);
INSERT INTO counter VALUES (0);
PRAGMA user_version = {FORMAT};
"""
CORRECTION = """
ALTER TABLE objects ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0;
UPDATE objects SET checksum = checksum_of(shelf, namespace, name, version, body);
PRAGMA user_version = 2;
"""
"""From format 1, which had no checksums."""
NEWEST = "SELECT max(version, coalesce((SELECT max(version) FROM objects), 0)) FROM counter"
"""Only removals write the counter; the version of any other write stands in its object."""


class UnknownFormat(RuntimeError):
    """The database was written by another version of raglab."""


class Damaged(RuntimeError):
    """The database is not as it was left; the text says what is wrong."""


class Record(NamedTuple):
    """One version of one object: as a dict nobody may change, as JSON, and its resourceVersion as a number."""

    object: Object
    raw: bytes
    version: int


class Change(NamedTuple):
    """One entry of a log. `record` is the new state (for DELETED the last one, with the version of its end)."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    record: Record
    before: Record | None


@dataclass(slots=True)
class _Shelf:
    horizon: int
    """Changes up to this version are no longer in the log."""
    objects: dict[Key, Record] = field(default_factory=dict)
    log: deque[Change] = field(default_factory=deque)
    sleepers: set[asyncio.Future[None]] = field(default_factory=set)

    def append(self, change: Change) -> None:
        if len(self.log) >= LOG_LENGTH:
            self.horizon = self.log.popleft().record.version
        self.log.append(change)
        self.wake()

    def wake(self) -> None:
        for sleeper in self.sleepers:
            if not sleeper.done():
                sleeper.set_result(None)
        self.sleepers.clear()

    def since(self, version: int) -> list[Change]:
        """Changes after `version`, oldest first."""
        newest_first = []
        for change in reversed(self.log):
            if change.record.version <= version:
                break
            newest_first.append(change)
        return newest_first[::-1]


class Store:
    """All objects, by shelf (``Kind.storage_key``), namespace and name. Belongs to one event loop; no locks."""

    def __init__(self, path: Path) -> None:
        """Raises `Damaged` for a file that is not as it was left."""
        self._path, self._database = path, _open(path)
        try:
            self.version: int = self._database.execute(NEWEST).fetchone()[0]
            self._loaded = self.version
            self._shelves: dict[str, _Shelf] = {}
            self._load()
        except sqlite3.DatabaseError as error:
            raise Damaged(f"{path} is damaged ({error})") from error
        self._acknowledged = _Acknowledged(path, self.version)

    def _load(self) -> None:
        if (found := self._database.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise Damaged(f"{self._path} is damaged ({found})")
        for shelf, namespace, name, version, body, checksum in self._database.execute(
            "SELECT * FROM objects"
        ):
            if checksum_of(shelf, namespace, name, version, body) != checksum:
                raise Damaged(f"{self._path} is damaged (checksum of {shelf} {namespace}/{name})")
            self._shelf(shelf).objects[namespace, name] = Record(orjson.loads(body), body, version)

    def close(self) -> None:
        """Fold the write-ahead log into the file and let go of it."""
        self._database.close()
        self._acknowledged.close()

    def get(self, shelf: str, namespace: str, name: str) -> Record | None:
        """The newest version of an object, None if there is none."""
        return self._shelf(shelf).objects.get((namespace, name))

    def records(self, shelf: str, namespace: str = "") -> list[Record]:
        """All objects of a shelf ("" is every namespace), ordered by namespace and name."""
        objects = self._shelf(shelf).objects
        return [objects[key] for key in sorted(objects) if not namespace or key[0] == namespace]

    def put(self, shelf: str, obj: Object) -> Record:
        """Store `obj` under the next version. The dict belongs to the store from now on: do not change it."""
        meta, record = obj["metadata"], _record(obj, self.version + 1)
        key = (meta.get("namespace", ""), meta["name"])
        row = (shelf, *key, record.version, record.raw)
        try:
            self._database.execute(
                "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?)", (*row, checksum_of(*row))
            )
        except sqlite3.OperationalError as error:
            raise self._refused(error) from error
        self._advance(record.version)
        held = self._shelf(shelf)
        before = held.objects.get(key)
        held.objects[key] = record
        held.append(Change("MODIFIED" if before else "ADDED", record, before))
        return record

    def remove(self, shelf: str, namespace: str, name: str, last: Object | None = None) -> Record:
        """Remove an object. Its end has a version too; watchers see `last` (default: as stored) with it."""
        held = self._shelf(shelf)
        before = held.objects[namespace, name]
        record = _record(before.object if last is None else last, self.version + 1)
        key = (shelf, namespace, name)
        try:
            with self._database:
                self._database.execute("BEGIN")
                self._database.execute(
                    "DELETE FROM objects WHERE shelf = ? AND namespace = ? AND name = ?", key
                )
                self._database.execute("UPDATE counter SET version = ?", (record.version,))
        except sqlite3.OperationalError as error:
            raise self._refused(error) from error
        self._advance(record.version)
        del held.objects[namespace, name]
        held.append(Change("DELETED", record, before))
        return record

    def skip_to(self, version: int) -> None:
        """Give out no version up to this one any more."""
        if version > self.version:
            self._database.execute("UPDATE counter SET version = ?", (version,))
            self._advance(version)

    def cursor(self, shelf: str, since: int) -> Cursor:
        """A watcher of a shelf that has seen everything up to version `since`."""
        return Cursor(self, self._shelf(shelf), since)

    def wake(self, shelf: str) -> None:
        """Let every watcher of a shelf look around although nothing has changed in it."""
        self._shelf(shelf).wake()

    @property
    def watchers(self) -> int:
        """How many cursors are waiting for news."""
        return sum(len(shelf.sleepers) for shelf in self._shelves.values())

    def _advance(self, version: int) -> None:
        self.version = version
        self._acknowledged.set(version)

    def _refused(self, error: sqlite3.OperationalError) -> StatusError:
        """507 for a write that the disk does not take. Nothing has changed, and reading goes on."""
        text = (
            f"nothing was stored, for {self._path.parent} cannot be written: {error}; free some space there"
        )
        return StatusError(507, "InsufficientStorage", text)

    def _shelf(self, name: str) -> _Shelf:
        if name not in self._shelves:
            self._shelves[name] = _Shelf(self._loaded)
        return self._shelves[name]


class Cursor:
    """A watcher's position in the log of one shelf."""

    def __init__(self, store: Store, shelf: _Shelf, since: int) -> None:
        self._store, self._shelf = store, shelf
        self.version = since
        """Everything up to here has been read."""

    def check(self) -> None:
        """Raise `StatusError` 410 if the log no longer has everything that has not been read."""
        if self.version < self._shelf.horizon:
            raise gone(f"too old resource version: {self.version} ({self._shelf.horizon})")

    def read(self) -> list[Change]:
        """The changes not seen yet, oldest first; 410 like `check`."""
        self.check()
        changes = self._shelf.since(self.version)
        self.version = max(self.version, self._store.version)
        return changes

    async def wait(self, timeout: float | None = None) -> bool:
        """Sleep until there is something to read; False if nothing came within `timeout` seconds."""
        if self._shelf.since(self.version):
            return True
        sleeper = asyncio.get_running_loop().create_future()
        self._shelf.sleepers.add(sleeper)
        try:
            async with asyncio.timeout(timeout):
                await sleeper
        except TimeoutError:
            return False
        finally:
            self._shelf.sleepers.discard(sleeper)
        return True


def _record(obj: Object, version: int) -> Record:
    stored = obj | {"metadata": obj["metadata"] | {"resourceVersion": str(version)}}
    return Record(stored, orjson.dumps(stored), version)


def checksum_of(shelf: str, namespace: str, name: str, version: int, body: bytes) -> int:
    """CRC-32 of a row: finds any flipped bit."""
    return zlib.crc32(body, zlib.crc32(f"{shelf}\0{namespace}\0{name}\0{version}".encode()))


class _Acknowledged:
    """The newest version that somebody was told of, in a file of its own: a database that is older has lost writes.

    (SQLite ends reading a write-ahead log where it is damaged or cut off, without a word.)
    """

    def __init__(self, path: Path, version: int) -> None:
        file = path.with_name(f"{path.name}-version")
        self._file = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        told = int(os.pread(self._file, 20, 0) or b"0")
        if told > version:
            os.close(self._file)
            lost = f"it ends with version {version}, but {told} was acknowledged"
            raise Damaged(f"{path} has lost its newest writes ({lost}; to go on without them: rm '{file}')")
        self.set(version)

    def set(self, version: int) -> None:
        """20 digits, always: a file that does not grow needs no space on a full disk."""
        with contextlib.suppress(OSError):  # an older number only finds less
            os.pwrite(self._file, b"%020d" % version, 0)

    def close(self) -> None:
        os.close(self._file)


def _open(path: Path) -> sqlite3.Connection:
    """The database, made as a whole if it is not there: a file that is empty was once a database."""
    if not path.exists():
        _make(path)
    if not path.stat().st_size:
        raise Damaged(f"{path} is damaged (it is empty)")
    database = sqlite3.connect(path, isolation_level=None)
    database.create_function("checksum_of", 5, checksum_of, deterministic=True)
    try:
        found = database.execute("PRAGMA user_version").fetchone()[0]
        if found == 1:
            database.executescript(CORRECTION)
        elif found != FORMAT:
            raise UnknownFormat(
                f"{path} has format {found}, this version of raglab writes {FORMAT}: use a new state folder"
            )
        database.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.DatabaseError as error:
        database.close()
        raise Damaged(f"{path} is damaged ({error})") from error
    except UnknownFormat:
        database.close()
        raise
    return database


def _make(path: Path) -> None:
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    os.close(os.open(draft, os.O_CREAT | os.O_RDWR, 0o600))  # SQLite gives its side files the same mode
    database = sqlite3.connect(draft, isolation_level=None)
    database.execute("PRAGMA journal_mode = WAL")
    database.executescript(SCHEMA)
    database.close()
    draft.replace(path)
