"""The informer: its indexes, and that nothing is missed when a watch breaks."""

import asyncio

import pytest

from raglab.pocket.client import WatchEvent
from raglab.pocket.errors import gone
from raglab.pocket.informer import Cache, Informer
from tests.unit.controllers.support import ScriptedClient, settle


def pod(name, version=1, namespace="ns", uid="", labels=None, owner=""):
    meta = {
        "name": name,
        "namespace": namespace,
        "uid": uid or f"uid-{name}",
        "resourceVersion": str(version),
    }
    meta |= {"labels": labels} if labels else {}
    meta |= {"ownerReferences": [{"uid": owner}]} if owner else {}
    return {"kind": "Pod", "metadata": meta}


def bookmark(version):
    return ("BOOKMARK", {"kind": "Pod", "metadata": {"resourceVersion": str(version)}})


@pytest.fixture
async def follow(clock):
    """Start an informer on scripted watches; returns it with the list of changes it told."""
    tasks = []

    async def start(*scripts):
        client = ScriptedClient(*scripts)
        informer, told = Informer(client, "pods", clock=clock), []
        informer.on_change(lambda before, after: told.append((name_of(before), name_of(after))))
        tasks.append(asyncio.create_task(informer.run()))
        await settle()
        return informer, told, client

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def name_of(obj):
    return obj and obj["metadata"]["name"]


def test_cache_finds_by_namespace_label_owner_and_uid():
    cache = Cache(
        [pod("b", labels={"app": "x"}, owner="rs"), pod("a", owner="rs"), pod("c", namespace="other")]
    )
    assert [name_of(item) for item in cache.list("ns")] == ["a", "b"]
    assert [name_of(item) for item in cache.list(labels={"app": "x"})] == ["b"]
    assert [name_of(item) for item in cache.owned("rs")] == ["a", "b"]
    assert name_of(cache.by_uid("uid-c")) == "c"


def test_cache_forgets_old_owner_when_an_object_changes():
    cache = Cache([pod("a", owner="old")])
    cache.put(pod("a", 2, owner="new"))
    assert cache.owned("old") == [] and len(cache.owned("new")) == 1
    cache.remove(("ns", "a"))
    assert len(cache) == 0 and cache.owned("new") == [] and cache.by_uid("uid-a") is None


async def test_synced_after_the_first_list_only(follow):
    informer, told, _ = await follow([("ADDED", pod("a"))])
    assert not informer.synced.is_set()
    informer, told, _ = await follow([("ADDED", pod("a")), bookmark(3), ("MODIFIED", pod("a", 4))])
    assert informer.synced.is_set() and informer.version == 4
    assert told == [(None, "a"), ("a", "a")]


async def test_relist_reports_what_changed_while_the_watch_was_broken(follow, clock):
    first = [
        ("ADDED", pod("same")),
        ("ADDED", pod("lost")),
        ("ADDED", pod("changed")),
        bookmark(3),
        gone("too old"),
    ]
    second = [("ADDED", pod("changed", 8)), ("ADDED", pod("new", 9)), ("ADDED", pod("same")), bookmark(9)]
    informer, told, client = await follow(first, second)
    told.clear()
    await clock.advance(1)
    assert told == [("changed", "changed"), (None, "new"), ("lost", None)]
    assert client.watches == 2 and informer.keys() == {("ns", "same"), ("ns", "changed"), ("ns", "new")}


async def test_object_recreated_during_a_gap_is_told_as_deleted_and_added(follow, clock):
    _, told, _ = await follow(
        [("ADDED", pod("a", uid="first")), bookmark(1), gone("")],
        [("ADDED", pod("a", 5, uid="second")), bookmark(5)],
    )
    await clock.advance(1)
    assert told == [(None, "a"), ("a", None), (None, "a")]


async def test_pause_between_failing_watches_grows_and_is_bounded(follow, clock):
    _, _, client = await follow(*[[OSError("refused")] for _ in range(100)])
    await clock.advance(1)
    assert client.watches == 4  # at 0, 0.1, 0.3, 0.7
    await clock.advance(60)
    assert 9 <= client.watches <= 16


async def test_caught_up_waits_for_a_version(follow, clock):
    informer, _, _ = await follow([bookmark(3), gone("")], [bookmark(5)])
    assert await informer.caught_up(3)
    assert not await informer.caught_up(4, timeout=0.01)
    waiting = asyncio.create_task(informer.caught_up(5))
    await clock.advance(1)
    assert await waiting


async def test_late_handler_is_told_what_is_already_there(follow):
    informer, _, _ = await follow([("ADDED", pod("a")), bookmark(3)])
    late = []
    informer.on_change(lambda before, after: late.append((name_of(before), name_of(after))))
    assert late == [(None, "a")]


async def test_a_listener_who_stumbles_stops_nobody(follow, caplog):
    """Found by fuzzing: one object that a trigger could not read ended the cluster, at every start again."""

    def stumble(before, after):
        raise KeyError("effect")

    odd, plain = pod("odd", 1), pod("plain", 2)
    informer, told, _ = await follow([("ADDED", odd), bookmark(1)])
    informer.on_change(stumble)
    informer._receive(WatchEvent("ADDED", plain))
    assert told[-1] == (None, "plain") and informer.get("plain", "ns") == plain
    assert caplog.text.count("was not taken in") == 2
