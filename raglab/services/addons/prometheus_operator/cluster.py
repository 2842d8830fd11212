"""The Kubernetes API as the operator uses it: list, follow, make equal, tell."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

from raglab.incluster import Access

Object = dict[str, Any]
PAUSE = 1.0
"""Seconds before the API is asked again after it refused or went away."""
MERGE = "application/merge-patch+json"
OWN_FIELDS = ("labels", "annotations", "ownerReferences")

log = logging.getLogger("prometheus-operator")


class Refused(Exception):
    """The API's answer to a request that failed. `code` is the HTTP status."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Cluster:
    """A client."""

    def __init__(self, session: aiohttp.ClientSession, access: Access) -> None:
        self._session, self._access, self._trust = session, access, access.trust()

    async def list(self, path: str) -> list[Object]:
        """All objects of a collection, such as ``/api/v1/namespaces``."""
        return list((await self.request("GET", path)).get("items") or ())

    async def follow(self, path: str, changed: Callable[[], None]) -> None:
        """Call `changed` once, and again whenever something in a collection changes; returns never."""
        while True:
            try:
                listed = await self.request("GET", path)
                changed()
                async for _ in self._watch(path, listed["metadata"]["resourceVersion"]):
                    changed()
            except (Refused, aiohttp.ClientError, TimeoutError, ValueError) as error:
                log.warning("watching %s: %s", path, error)
                await asyncio.sleep(PAUSE)

    async def _watch(self, path: str, version: str) -> AsyncIterator[Object]:
        parameters = {"watch": "1", "resourceVersion": version, "allowWatchBookmarks": "true"}
        unlimited = aiohttp.ClientTimeout(total=None, sock_connect=10)
        async with self._session.get(
            self._access.url + path,
            params=parameters,
            headers=self._headers(),
            ssl=self._trust,
            timeout=unlimited,
        ) as answer:
            if answer.status != 200:
                raise Refused(answer.status, await answer.text())
            async for line in answer.content:
                event = json.loads(line)
                if event["type"] == "ERROR":
                    return  # too old: list again
                if event["type"] != "BOOKMARK":
                    yield event

    async def make(self, path: str, wanted: Object) -> None:
        """Create an object in a collection, or bring what it says of `wanted` up to date."""
        name = wanted["metadata"]["name"]
        try:
            current = await self.request("GET", f"{path}/{name}")
        except Refused as error:
            if error.code != 404:
                raise
            await self.request("POST", path, wanted)
            log.info("created %s %s", wanted["kind"], name)
            return
        if not _holds(current, wanted) or current.get("data") != wanted.get("data"):
            await self.request("PUT", f"{path}/{name}", _merged(current, wanted))
            log.info("updated %s %s", wanted["kind"], name)

    async def request(self, method: str, path: str, body: Object | None = None, kind: str = "") -> Object:
        """The answer to a request; raises `Refused`."""
        headers = self._headers() | {"Content-Type": kind or "application/json"}
        data = None if body is None else json.dumps(body)
        url = self._access.url + path
        async with self._session.request(method, url, data=data, headers=headers, ssl=self._trust) as answer:
            said = await answer.text()
            if answer.status >= 400:
                raise Refused(answer.status, _message(said))
            return dict(json.loads(said))

    def _headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self._access.token()}",
            "Accept": "application/json",
        }


def _message(said: str) -> str:
    try:
        return str(json.loads(said)["message"])
    except (ValueError, KeyError, TypeError):
        return said[:200]


def _holds(current: Any, wanted: Any) -> bool:
    """Whether everything in `wanted` is so already; what the API has filled in does not count."""
    if isinstance(wanted, dict):
        same = isinstance(current, dict) and all(
            _holds(current.get(key), value) for key, value in wanted.items()
        )
        return same or (not wanted and current is None)
    if isinstance(wanted, list):
        if not wanted:
            return not current
        return (
            isinstance(current, list)
            and len(current) == len(wanted)
            and all(_holds(*pair) for pair in zip(current, wanted, strict=True))
        )
    return bool(current == wanted)


def _merged(current: Object, wanted: Object) -> Object:
    """`wanted` with the identity of `current`, so that the API takes it as a change of that object."""
    meta = current["metadata"] | {
        key: wanted["metadata"][key] for key in OWN_FIELDS if key in wanted["metadata"]
    }
    merged = {**current, **wanted, "metadata": meta}
    if wanted["kind"] == "Service":
        merged["spec"] = current["spec"] | wanted["spec"]
    return merged
