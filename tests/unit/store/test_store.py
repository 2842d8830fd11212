"""The store alone: versions, what is on disk, and what watchers see."""

import asyncio
import stat

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raglab.pocket import store as module
from raglab.pocket.errors import StatusError
from raglab.pocket.store import Store, UnknownFormat

SHELF = "/configmaps"


def config_map(name, namespace="default", **data):
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.sqlite"


@pytest.fixture
def store(path):
    store = Store(path)
    yield store
    store.close()


def names(store, namespace=""):
    return [record.object["metadata"]["name"] for record in store.records(SHELF, namespace)]


def test_every_write_has_the_next_version(store):
    first = store.put(SHELF, config_map("a"))
    second = store.put("/secrets", config_map("a"))
    third = store.put(SHELF, config_map("a", key="new"))
    gone = store.remove("/secrets", "default", "a")
    assert [first.version, second.version, third.version, gone.version] == [1, 2, 3, 4]
    assert third.object["metadata"]["resourceVersion"] == "3"
    assert store.version == 4


def test_a_stored_object_is_not_changed_by_later_writes(store):
    first = store.put(SHELF, config_map("a", key="old"))
    store.put(SHELF, first.object | {"data": {"key": "new"}})
    assert first.object["data"] == {"key": "old"}
    assert first.object["metadata"]["resourceVersion"] == "1"


def test_records_are_ordered_by_namespace_and_name(store):
    for namespace, name in [("b", "x"), ("a", "y"), ("b", "a"), ("a", "x-1"), ("a", "x")]:
        store.put(SHELF, config_map(name, namespace))
    assert names(store) == ["x", "x-1", "y", "a", "x"]
    assert names(store, "a") == ["x", "x-1", "y"]


def test_raw_is_the_object_as_json(store):
    record = store.put(SHELF, config_map("a", text="ü"))
    assert module.orjson.loads(record.raw) == record.object


def test_everything_is_there_after_a_restart(path):
    before = Store(path)
    for name in "abc":
        before.put(SHELF, config_map(name))
    before.put(SHELF, config_map("b", key="new"))
    before.remove(SHELF, "default", "c")  # the newest version is one that no object carries
    expected = before.records(SHELF)
    before.close()
    after = Store(path)
    assert after.records(SHELF) == expected
    assert after.version == 5
    assert after.put(SHELF, config_map("d")).version == 6
    after.close()


def test_files_are_private(store, path):
    store.put(SHELF, config_map("a"))
    modes = {item.name: stat.S_IMODE(item.stat().st_mode) for item in path.parent.iterdir()}
    assert set(modes) == {f"store.sqlite{end}" for end in ("", "-wal", "-shm", "-version")}
    assert set(modes.values()) == {0o600}


def test_an_unknown_format_is_refused(path):
    store = Store(path)
    store._database.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(UnknownFormat, match="format 99"):
        Store(path)


def test_a_failed_write_changes_nothing(store):
    store.put(SHELF, config_map("a"))
    store._database.execute("PRAGMA query_only = ON")
    for write in (
        lambda: store.put(SHELF, config_map("b")),
        lambda: store.remove(SHELF, "default", "a"),
    ):
        with pytest.raises(StatusError, match="nothing was stored, for") as refused:
            write()
        assert refused.value.code == 507
    assert (names(store), store.version) == (["a"], 1)
    store._database.execute("PRAGMA query_only = OFF")
    assert store.put(SHELF, config_map("b")).version == 2


OPERATIONS = st.lists(
    st.tuples(st.sampled_from(["put", "remove", "other", "read"]), st.sampled_from("abc")), max_size=60
)


@settings(max_examples=60, deadline=None)
@given(operations=OPERATIONS, start=st.integers(0, 20))
def test_a_cursor_sees_every_change_once_in_order(tmp_path_factory, operations, start):
    store = Store(tmp_path_factory.mktemp("store") / "store.sqlite")
    cursor, seen, state = None, [], {}
    for step, (action, name) in enumerate(operations):
        if step == start:
            cursor = store.cursor(SHELF, store.version)
            state = {record.object["metadata"]["name"]: record for record in store.records(SHELF)}
        if action == "put":
            store.put(SHELF, config_map(name, step=str(step)))
        elif action == "remove" and store.get(SHELF, "default", name):
            store.remove(SHELF, "default", name)
        elif action == "other":
            store.put("/secrets", config_map(name))
        elif action == "read" and cursor:
            seen += cursor.read()
    if cursor is None:
        store.close()
        return
    seen += cursor.read()
    for change in seen:
        name = change.record.object["metadata"]["name"]
        assert change.before == state.get(name)
        assert change.type == (
            "DELETED" if change.type == "DELETED" else "MODIFIED" if name in state else "ADDED"
        )
        state.pop(name, None) if change.type == "DELETED" else state.update({name: change.record})
    versions = [change.record.version for change in seen]
    assert versions == sorted(set(versions))
    assert state == {record.object["metadata"]["name"]: record for record in store.records(SHELF)}
    store.close()


def test_a_watcher_too_slow_for_the_log_is_told(store, monkeypatch):
    monkeypatch.setattr(module, "LOG_LENGTH", 3)
    slow, quick = store.cursor(SHELF, 0), store.cursor(SHELF, 0)
    for number in range(4):
        store.put(SHELF, config_map("a", n=str(number)))
        quick.read()
    with pytest.raises(StatusError) as refused:
        slow.read()
    assert (refused.value.code, refused.value.reason) == (410, "Expired")
    assert refused.value.message == "too old resource version: 0 (1)"
    assert [change.record.version for change in store.cursor(SHELF, 1).read()] == [2, 3, 4]


def test_a_busy_shelf_does_not_shorten_the_log_of_a_quiet_one(store, monkeypatch):
    monkeypatch.setattr(module, "LOG_LENGTH", 3)
    store.put("/secrets", config_map("a"))
    for _ in range(10):
        store.put(SHELF, config_map("a"))
    assert len(store.cursor("/secrets", 0).read()) == 1


def test_a_watch_cannot_start_before_a_restart(path):
    before = Store(path)
    before.put(SHELF, config_map("a"))
    before.put(SHELF, config_map("a"))
    before.close()
    after = Store(path)
    with pytest.raises(StatusError, match="too old resource version: 1"):
        after.cursor(SHELF, 1).check()
    for shelf in (SHELF, "/pods"):
        assert after.cursor(shelf, 2).read() == []
    after.close()


async def test_waiting_ends_with_the_next_change(store):
    cursor = store.cursor(SHELF, 0)
    waiting = asyncio.create_task(cursor.wait())
    await asyncio.sleep(0)
    assert store.watchers == 1
    store.put("/secrets", config_map("a"))
    await asyncio.sleep(0)
    assert not waiting.done()
    store.put(SHELF, config_map("a"))
    assert await waiting
    assert [change.type for change in cursor.read()] == ["ADDED"]
    assert store.watchers == 0


async def test_waiting_returns_at_once_when_there_is_something_to_read(store):
    cursor = store.cursor(SHELF, 0)
    store.put(SHELF, config_map("a"))
    assert await asyncio.wait_for(cursor.wait(), 5)


async def test_waiting_has_a_limit_and_leaves_nothing_behind(store):
    cursor = store.cursor(SHELF, 0)
    assert not await cursor.wait(0.001)
    waiting = asyncio.create_task(cursor.wait())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert store.watchers == 0
