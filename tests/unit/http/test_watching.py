"""Watches over HTTP: order, initial events, selectors, time limits, bookmarks and old versions."""

from __future__ import annotations

import asyncio
import json

import pytest

from raglab.pocket import store
from raglab.pocket.api import watching
from raglab.pocket.api.registry import Options

MAPS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


@pytest.fixture
def maps(api):
    """Writes ConfigMaps straight to the registry."""
    kind = api.registry.kinds.plural("configmaps")

    class Maps:
        def create(self, name: str, **labels: str):
            obj = {"metadata": {"name": name, "labels": labels}}
            return api.registry.create(kind, "default", obj, Options())

        def relabel(self, name: str, **labels: str):
            merge = "application/merge-patch+json"
            return api.registry.patch(
                kind, "default", name, {"metadata": {"labels": labels}}, merge, Options()
            )

    return Maps()


async def read(response, count: int) -> list[dict]:
    return [json.loads(await response.content.readline()) for _ in range(count)]


def names(events) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]


async def test_initial_events_end_with_a_marked_bookmark(api, maps):
    maps.create("a")
    query = "watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    async with api.client.get(f"{MAPS}?{query}") as response:
        assert response.content_type == "application/json"
        events = await read(response, 2)
        assert names(events) == [("ADDED", "a"), ("BOOKMARK", "")]
        assert events[1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        maps.create("b")
        assert names(await read(response, 1)) == [("ADDED", "b")]


async def test_from_a_version_on_only_changes_come(api, maps):
    version = maps.create("a")["metadata"]["resourceVersion"]
    maps.create("b")
    async with api.client.get(f"{MAPS}?watch=true&resourceVersion={version}") as response:
        assert names(await read(response, 1)) == [("ADDED", "b")]


async def test_a_selector_turns_changes_into_coming_and_going(api, maps):
    maps.create("a", on="no")
    async with api.client.get(f"{MAPS}?watch=true&labelSelector=on%3Dyes") as response:
        maps.relabel("a", on="yes")
        maps.relabel("a", on="no")
        assert names(await read(response, 2)) == [("ADDED", "a"), ("DELETED", "a")]


async def test_only_the_first_table_has_columns(api, maps):
    maps.create("a")
    async with api.client.get(f"{MAPS}?watch=true", headers={"Accept": TABLE}) as response:
        maps.create("b")
        first, second = await read(response, 2)
    assert first["object"]["columnDefinitions"][0]["name"] == "Name"
    assert second["object"]["columnDefinitions"] is None
    assert second["object"]["rows"][0]["cells"][0] == "b"


async def test_the_time_limit_ends_a_watch(api):
    async with api.client.get(f"{MAPS}?watch=true&timeoutSeconds=0") as response:
        assert await response.read() == b""


async def test_too_old_a_version_is_an_event_in_the_stream(api, maps, monkeypatch):
    monkeypatch.setattr(store, "LOG_LENGTH", 2)
    for name in "abcde":
        maps.create(name)
    async with api.client.get(f"{MAPS}?watch=true&resourceVersion=1") as response:
        assert response.status == 200
        (event,) = await read(response, 1)
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")


async def test_a_bad_selector_is_refused_with_a_status_code(api):
    error = await api.call("GET", f"{MAPS}?watch=true&labelSelector=a%20b", 400)
    assert error["reason"] == "BadRequest"


@pytest.mark.parametrize("accept", ["application/json", TABLE])
async def test_quiet_watches_get_bookmarks(api, maps, monkeypatch, accept):
    monkeypatch.setattr(watching, "BOOKMARK_EVERY", 0.02)
    version = maps.create("a")["metadata"]["resourceVersion"]
    query = f"watch=true&allowWatchBookmarks=true&resourceVersion={version}"
    async with api.client.get(f"{MAPS}?{query}", headers={"Accept": accept}) as response:
        (event,) = await read(response, 1)
    assert event["type"] == "BOOKMARK"
    assert event["object"]["metadata"]["resourceVersion"] == version


async def test_a_watch_ends_when_its_client_goes(api, monkeypatch):
    ended, watch = asyncio.Event(), api.registry.watch

    async def watched(*args, **options):
        try:
            async for event in watch(*args, **options):
                yield event
        finally:
            ended.set()

    monkeypatch.setattr(api.registry, "watch", watched)
    async with api.client.get(f"{MAPS}?watch=true") as response:
        assert response.status == 200
        response.close()
    await asyncio.wait_for(ended.wait(), timeout=10)
