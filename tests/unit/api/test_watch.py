"""Lists and watches: pages, versions, what a selector lets through, and no gap between the two."""

import asyncio
import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raglab.pocket import store as store_module
from raglab.pocket.api import following
from raglab.pocket.api.local import LocalClient
from raglab.pocket.api.selectors import Filter
from raglab.pocket.errors import StatusError
from raglab.pocket.store import Store


async def read(events, count):
    """The next `count` events as (type, name)."""
    found = []
    async with asyncio.timeout(5):
        while len(found) < count:
            event = await anext(events)
            found.append((event.type, event.object["metadata"].get("name")))
    return found


def put(api, name, **labels):
    """Create or update a ConfigMap so that it has exactly these labels."""
    obj = {"metadata": {"name": name, "labels": labels}}
    call = api.update if api.exists("configmaps", name) else api.create
    return call("configmaps", obj)["metadata"]["resourceVersion"]


def test_pages(api):
    for name in "edcba":
        put(api, name)
    first = api.registry.list(api.kind("configmaps"), "default", limit=2)
    assert [item["metadata"]["name"] for item in first.items] == ["a", "b"]
    assert first.remaining == 3
    put(api, "a2")
    api.delete("configmaps", "c")
    second = api.registry.list(
        api.kind("configmaps"), "default", limit=2, continue_token=first.continue_token
    )
    assert [item["metadata"]["name"] for item in second.items] == ["d", "e"]
    assert second.resource_version == first.resource_version
    assert (second.continue_token, second.remaining) == ("", 0)


@pytest.mark.parametrize("token", ["nonsense", base64.urlsafe_b64encode(b"{}").decode(), "ü"])
def test_bad_continue_tokens(api, token):
    with pytest.raises(StatusError) as error:
        api.names("configmaps", continue_token=token)
    assert error.value.code == 400


def test_lists_select(api):
    put(api, "a", app="x")
    put(api, "b", app="y")
    assert api.names("configmaps", labels="app in (x)") == ["a"]
    assert api.names("configmaps", fields="metadata.name!=a") == ["b"]
    assert api.names("configmaps", namespace="") == ["a", "b"]
    assert api.names("configmaps", namespace="other") == []


def test_versions_that_cannot_be(api):
    with pytest.raises(StatusError) as error:
        api.watch("configmaps", resource_version="999")
    current = api.store.version
    assert (error.value.code, error.value.reason) == (504, "Timeout")
    assert error.value.message == f"Timeout: Too large resource version: 999, current: {current}"
    assert error.value.details == {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }
    with pytest.raises(StatusError) as error:
        api.names("configmaps", resource_version="yesterday")
    assert error.value.code == 400


def test_a_watch_too_far_back_is_refused_at_once(api, monkeypatch):
    monkeypatch.setattr(store_module, "LOG_LENGTH", 2)
    for name in "abc":
        put(api, name)
    with pytest.raises(StatusError) as error:
        api.watch("configmaps", resource_version="1")
    assert (error.value.code, error.value.reason) == (410, "Expired")
    assert error.value.message.startswith("too old resource version: 1 (")


async def test_a_watch_from_a_version(api):
    version = put(api, "a")
    put(api, "b")
    events = api.watch("configmaps", resource_version=version)
    put(api, "b", app="x")
    api.delete("configmaps", "a")
    assert await read(events, 3) == [("ADDED", "b"), ("MODIFIED", "b"), ("DELETED", "a")]


@pytest.mark.parametrize("version", ["", "0"])
async def test_a_watch_from_the_beginning(api, version):
    put(api, "b")
    put(api, "a")
    events = api.watch("configmaps", resource_version=version)
    put(api, "c")  # between the call and the first read
    assert await read(events, 3) == [("ADDED", "a"), ("ADDED", "b"), ("ADDED", "c")]


async def test_initial_events_end_with_a_bookmark(api):
    put(api, "a")
    version = str(api.store.version)
    events = api.watch("configmaps", resource_version="", send_initial=True, bookmarks=True)
    put(api, "b")
    assert await read(events, 1) == [("ADDED", "a")]
    mark = await anext(events)
    assert mark.type == "BOOKMARK"
    assert mark.object == {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"resourceVersion": version, "annotations": {"k8s.io/initial-events-end": "true"}},
    }
    assert await read(events, 1) == [("ADDED", "b")]


async def test_objects_come_and_go_with_their_labels(api):
    put(api, "a", app="x")
    events = api.watch("configmaps", labels="app=x")
    put(api, "b", app="y")
    put(api, "b", app="x")
    put(api, "b", app="x", more="1")
    last = put(api, "a", app="y")
    assert await read(events, 3) == [("ADDED", "a"), ("ADDED", "b"), ("MODIFIED", "b")]
    event = await anext(events)
    assert event.type == "DELETED"
    assert event.object["metadata"]["labels"] == {"app": "x"}  # as it was when it still matched
    assert event.object["metadata"]["resourceVersion"] == last
    api.delete("configmaps", "a")  # nobody's business any more
    api.delete("configmaps", "b")
    assert await read(events, 1) == [("DELETED", "b")]


async def test_watches_see_one_namespace(api):
    api.create("namespaces", {"metadata": {"name": "other"}}, "")
    here, everywhere = api.watch("configmaps"), api.watch("configmaps", "")
    api.create("configmaps", {"metadata": {"name": "a"}}, "other")
    put(api, "b")
    assert await read(here, 1) == [("ADDED", "b")]
    assert await read(everywhere, 2) == [("ADDED", "a"), ("ADDED", "b")]


async def test_pods_are_watched_by_phase(api, pod):
    events = api.watch("pods", fields="status.phase=Running")
    api.patch("pods", "p", {"status": {"phase": "Running"}}, subresource="status")
    api.patch("pods", "p", {"status": {"phase": "Succeeded"}}, subresource="status")
    assert await read(events, 2) == [("ADDED", "p"), ("DELETED", "p")]


LABELLED = st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y", None]))


@settings(max_examples=60, deadline=None)
@given(before=st.lists(LABELLED, max_size=8), after=st.lists(LABELLED, max_size=25))
def test_a_selective_watch_rebuilds_the_selective_list(tmp_path_factory, before, after):
    """Whatever happens: the objects of a list, changed as its watch says, are those of a list made later."""
    store = Store(tmp_path_factory.mktemp("watch") / "store.sqlite")
    wanted = Filter("", lambda obj: obj["metadata"]["labels"]["app"] == "x")

    def write(name, app):
        if app:
            meta = {"name": name, "namespace": "default", "labels": {"app": app}}
            store.put("/pods", {"metadata": meta})
        elif store.get("/pods", "default", name):
            store.remove("/pods", "default", name)

    def selected():
        objects = [record.object for record in store.records("/pods")]
        return {obj["metadata"]["name"]: obj for obj in objects if wanted.accepts(obj)}

    for name, app in before:
        write(name, app)
    known, cursor = selected(), store.cursor("/pods", store.version)
    for name, app in after:
        write(name, app)
    for change in cursor.read():
        event = following.seen(change, wanted)
        if event is None:
            continue
        name = event.object["metadata"]["name"]
        assert (name in known) == (event.type != "ADDED")
        assert event.object["metadata"]["resourceVersion"] == str(change.record.version)
        known.pop(name, None) if event.type == "DELETED" else known.update({name: event.object})
    assert known == selected()
    store.close()


async def test_many_watchers_each_see_everything_once(api):
    client = LocalClient(api.registry)
    put(api, "first")

    async def follow():
        seen = []
        async for event in client.watch("configmaps", "default"):
            seen.append((event.type, event.object["metadata"].get("name")))
            if seen[-1] == ("ADDED", "last"):
                return seen

    watchers = [asyncio.create_task(follow()) for _ in range(5)]
    for number in range(200):
        obj = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"n{number}", "namespace": "default"},
        }
        await client.create("configmaps", obj)
    put(api, "last")
    expected = [("ADDED", f"n{number}") for number in range(200)]
    for seen in await asyncio.wait_for(asyncio.gather(*watchers), 10):
        assert seen.count(("BOOKMARK", None)) == 1
        assert [item for item in seen if item[1] not in (None, "first", "last")] == expected
    assert api.store.watchers == 0
