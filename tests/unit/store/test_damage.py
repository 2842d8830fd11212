"""A database that is not as it was left is refused with a reason; it is never taken for a smaller or an empty one."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from raglab.pocket.store import Damaged, Store

COUNT = 60
LOST = "has lost its newest writes"


def fill(store: Store, count: int = COUNT) -> None:
    for number in range(count):
        meta = {"name": f"n{number % 50}", "namespace": "a"}
        data = {"step": f"step-{number:05}", "filling": "x" * (number * 37 % 3000)}
        store.put("/configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data})
    store.remove("/configmaps", "a", "n0")


def content(store: Store) -> list[bytes]:
    return [record.raw for record in store.records("/configmaps")]


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two folders: the files of a store that was ``closed``, and of one that was ``killed`` amid its work."""
    folder = tmp_path_factory.mktemp("origin")
    (folder / "closed").mkdir()
    path = folder / "closed" / "store.sqlite"
    store = Store(path)
    fill(store)
    store.close()
    store = Store(path)
    fill(store)
    shutil.copytree(folder / "closed", folder / "killed")  # what kill -9 would leave behind
    store.close()
    return folder


@pytest.fixture
def closed(origin: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(origin / "closed", tmp_path / "c")) / "store.sqlite"


@pytest.fixture
def killed(origin: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(origin / "killed", tmp_path / "k")) / "store.sqlite"


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1 << at % 8
    path.write_bytes(data)


def test_sound_ones_are_read(closed: Path, killed: Path):
    with closing(Store(closed)) as one, closing(Store(killed)) as other:
        assert content(one) == content(other) and len(content(one)) == 49


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda path: os.truncate(path, 0), "it is empty"),
        (lambda path: os.truncate(path, 5000), "is damaged"),
        (lambda path: os.truncate(path, path.stat().st_size // 2), "is damaged"),
        (lambda path: path.write_bytes(b"not a database" * 100), "file is not a database"),
        (lambda path: flip(path, path.read_bytes().index(b"step-000") + 3), "checksum of /configmaps a/n"),
        (lambda path: path.write_bytes(path.read_bytes()[:4096] + bytes(path.stat().st_size - 4096)), "is damaged"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_refused(closed: Path, damage, text):
    damage(closed)
    with pytest.raises(Damaged, match=text):
        Store(closed)


@pytest.mark.parametrize("seed", range(12))
def test_a_flipped_bit_is_found_or_does_not_matter(origin: Path, closed: Path, seed):
    with closing(
        Store(Path(shutil.copytree(origin / "closed", closed.parent / "sound")) / "store.sqlite")
    ) as sound:
        expected = content(sound)
    flip(closed, random.Random(seed).randrange(closed.stat().st_size))
    try:
        with closing(Store(closed)) as store:
            assert content(store) == expected
    except (Damaged, RuntimeError):
        pass


@pytest.mark.parametrize(
    "damage",
    [
        lambda log: log.unlink(),
        lambda log: os.truncate(log, 0),
        lambda log: os.truncate(log, log.stat().st_size // 2),
        lambda log: flip(log, log.stat().st_size // 2),
    ],
    ids=["missing", "empty", "cut off", "bit flipped"],
)
def test_lost_writes_are_told_and_can_be_given_up(killed: Path, damage):
    damage(killed.with_name("store.sqlite-wal"))
    with pytest.raises(Damaged, match=LOST) as refused:
        Store(killed)
    newest = killed.with_name("store.sqlite-version")
    assert f"to go on without them: rm '{newest}'" in str(refused.value)
    newest.unlink()
    with closing(Store(killed)) as store:
        assert 0 < store.version < 2 * (COUNT + 1)
        assert (
            store.put("/configmaps", {"metadata": {"name": "new", "namespace": "a"}}).version == store.version
        )


def test_a_store_of_the_format_before_is_taken_over(tmp_path: Path):
    path = tmp_path / "store.sqlite"
    with closing(sqlite3.connect(path)) as old:
        old.executescript(
            "CREATE TABLE objects (shelf TEXT, namespace TEXT, name TEXT, version INTEGER, body BLOB, "
            "PRIMARY KEY (shelf, namespace, name)); CREATE TABLE counter (version INTEGER); "
            "INSERT INTO counter VALUES (7); PRAGMA user_version = 1; PRAGMA journal_mode = WAL;"
        )
        old.execute("INSERT INTO objects VALUES ('/pods', 'a', 'p', 5, ?)", (b'{"metadata":{"name":"p"}}',))
        old.commit()
    for _ in range(2):
        with closing(Store(path)) as store:
            assert store.version == 7 and store.get("/pods", "a", "p").object == {"metadata": {"name": "p"}}


def test_a_full_disk_refuses_writes_and_loses_nothing(tmp_path: Path):
    """SQLite's own limit of pages stands for the disk; the whole cluster on a full one: tests/reliability."""
    with closing(Store(tmp_path / "store.sqlite")) as store:
        fill(store)
        pages = store._database.execute("PRAGMA page_count").fetchone()[0]
        store._database.execute(f"PRAGMA max_page_count = {pages + 2}")
        before, version = content(store), store.version
        big = {"metadata": {"name": "big", "namespace": "a"}, "data": {"x": "y" * 50_000}}
        with pytest.raises(Exception, match="database or disk is full; free some space there") as refused:
            store.put("/configmaps", big)
        assert refused.value.code == 507 and (content(store), store.version) == (before, version)
        store._database.execute("PRAGMA max_page_count = 100000")
        assert store.put("/configmaps", big).version == version + 1
