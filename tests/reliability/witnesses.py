"""Clients that remember what a server told them, and find out after its death whether it was true."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field
from typing import Any

import aiohttp

MAPS = "/api/v1/namespaces/default/configmaps"
MERGE = {"Content-Type": "application/merge-patch+json"}
NAMES = 5
"""Objects that each writer takes turns with."""
RETRY = 0.02
Known = tuple[int, int] | None
"""Step and resourceVersion of an object as its writer knows it; None where there is none."""


def content(name: str, step: int) -> dict[str, Any]:
    """An object whose parts agree: from one, half an object can be told."""
    return {"metadata": {"name": name}, "data": {"step": str(step), "filling": "x" * (step * 37 % 9000)}}


def step_of(obj: dict[str, Any]) -> int:
    """The step that an object was written in; fails if it is not whole."""
    step = int(obj["data"]["step"])
    assert len(obj["data"].get("filling", "")) == step * 37 % 9000, f"half written: {obj['metadata']}"
    return step


def version_of(obj: dict[str, Any]) -> int:
    return int(obj["metadata"]["resourceVersion"])


@dataclass
class Writer:
    """Creates, replaces, patches and deletes its own objects, one request after the other."""

    number: int
    dice: random.Random
    told: dict[str, Known] = field(default_factory=dict)
    """What was acknowledged."""
    asked: tuple[str, int | None] | None = None
    """Name and step (None for a deletion) of the request that has no answer."""
    step = acknowledged = newest = 0

    async def work(self, session: aiohttp.ClientSession) -> None:
        """Until the connection breaks."""
        try:
            while True:
                await self._write(session)
        except (aiohttp.ClientError, OSError):
            return

    async def _write(self, session: aiohttp.ClientSession) -> None:
        self.step += 1
        name = f"w{self.number}-{self.dice.randrange(NAMES)}"
        path, obj = f"{MAPS}/{name}", content(name, self.step)
        deletes = self.told.get(name) is not None and self.dice.random() < 0.2
        self.asked = name, None if deletes else self.step
        if deletes:
            request = session.delete(path)
        elif self.told.get(name) is None:
            request = session.post(MAPS, json=obj)
        elif self.dice.random() < 0.5:
            request = session.put(path, json=obj)
        else:
            request = session.patch(path, json={"data": obj["data"]}, headers=MERGE)
        async with request as answer:
            body = await answer.json()
            assert answer.status < 300, body
        self.acknowledged += 1
        self._learn(name, None if deletes else body)
        self.asked = None

    def _learn(self, name: str, obj: dict[str, Any] | None) -> None:
        self.told[name] = None if obj is None else (step_of(obj), version_of(obj))
        if obj is not None:
            assert version_of(obj) > self.newest, "a resourceVersion went backwards"
            self.newest = version_of(obj)

    def compare(self, found: dict[str, dict[str, Any]]) -> None:
        """Every acknowledged write is there, and nothing that was not at least asked for; go on from what is there."""
        for name in {*self.told, *(self.asked or ("",))[:1]} - {""}:
            known, obj = self.told.get(name), found.get(name)
            present = None if obj is None else (step_of(obj), version_of(obj))
            unanswered = self.asked is not None and self.asked[0] == name
            as_asked = unanswered and (present[0] if present else None) == self.asked[1]
            assert present == known or as_asked, f"{name}: told {known}, asked {self.asked}, found {present}"
            self.told[name] = present
            self.newest = max(self.newest, present[1] if present else 0)
        self.asked = None


@dataclass
class Watcher:
    """Follows the objects as an informer does: lists once, watches, resumes from the last version, lists on 410."""

    version: int = 0
    state: dict[str, int] = field(default_factory=dict)
    resumed = listed = events = 0

    async def follow(self, session: aiohttp.ClientSession) -> None:
        """Until cancelled; a broken connection is tried again."""
        while True:
            try:
                if not self.version:
                    await self._list(session)
                await self._watch(session)
            except (aiohttp.ClientError, OSError):
                await asyncio.sleep(RETRY)

    async def _list(self, session: aiohttp.ClientSession) -> None:
        async with session.get(MAPS) as answer:
            body = await answer.json()
        self.state = {item["metadata"]["name"]: version_of(item) for item in body["items"]}
        self.version, self.listed = version_of(body), self.listed + 1

    async def _watch(self, session: aiohttp.ClientSession) -> None:
        query = {"watch": "1", "resourceVersion": str(self.version), "allowWatchBookmarks": "true"}
        async with session.get(MAPS, params=query) as answer:
            assert answer.status == 200, await answer.text()
            self.resumed += 1
            async for line in answer.content:
                if not self._see(json.loads(line)):
                    return

    def _see(self, event: dict[str, Any]) -> bool:
        """Take in one event; False for the end of the watch."""
        obj = event["object"]
        if event["type"] == "ERROR":
            assert obj["code"] == 410, obj
            self.version = 0
            return False
        assert version_of(obj) > self.version or event["type"] == "BOOKMARK", f"again: {event}"
        name, self.version = obj["metadata"].get("name", ""), version_of(obj)
        self.events += 1
        if event["type"] == "ADDED":
            assert name not in self.state, f"a second beginning: {event}"
        if event["type"] in ("MODIFIED", "DELETED"):
            assert name in self.state, f"a gap before: {event}"
            del self.state[name]
        if event["type"] in ("ADDED", "MODIFIED"):
            self.state[name] = self.version
        return True
