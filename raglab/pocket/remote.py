"""The client interface over HTTPS: the API of any Kubernetes control plane, found by a kubeconfig.

Nothing is done that the API's documentation does not promise ("Kubernetes API Concepts"): lists come in pages, a watch
goes on from the last resourceVersion or bookmark after every break, and when that version is too old (410) the caller
hears of it and lists again. A server that gives no answer is asked again, a few times, with growing pauses.
"""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp

from raglab.pocket.client import CONTENT_TYPES, Object, Patch, PatchType, WatchEvent
from raglab.pocket.clock import Clock, SystemClock
from raglab.pocket.errors import StatusError, answered, gone
from raglab.pocket.kinds import catalogue
from raglab.pocket.kinds.catalogue import Kind
from raglab.pocket.kubeconfig import Access

Objects = list[Object]
PAGE = 500
"""Objects per page of a list: what kubectl asks for."""
PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds before a request is sent again."""
BUSY = (429, 502, 503, 504)
"""Answers that may be another one in a moment."""
ANSWER_LIMIT, WATCH_LIMITS = 30.0, (300.0, 600.0)
"""Seconds for an answer, and for one connection of a watch; client-go's own limits of a watch."""
HEADERS = {"User-Agent": "kubelet/v1.36.2 (raglab)"}
"""The first word is who owns the fields that are written."""


class RemoteClient:
    """`raglab.pocket.client.Client` for the API server behind `access`; use it in an ``async with`` block."""

    def __init__(self, access: Access, clock: Clock | None = None) -> None:
        self.access, self._clock = access, clock or SystemClock()
        self._kinds = catalogue.load()

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(limit=0, ssl=self.access.trust)
        jar = aiohttp.DummyCookieJar()
        self._session = aiohttp.ClientSession(connector=connector, cookie_jar=jar, headers=HEADERS)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    # -- the interface ------------------------------------------------------------------------------------------

    async def get(self, resource: str, name: str, namespace: str = "") -> Object:
        return await self._ask("GET", self._path(resource, namespace, name))

    async def list(
        self, resource: str, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> Objects:
        return (await self._list(resource, namespace, _selectors(labels, fields)))[0]

    async def create(self, resource: str, obj: Object) -> Object:
        return await self._ask("POST", self._path(resource, obj["metadata"].get("namespace", "")), body=obj)

    async def update(self, resource: str, obj: Object, *, subresource: str = "") -> Object:
        meta = obj["metadata"]
        path = self._path(resource, meta.get("namespace", ""), meta["name"], subresource)
        return await self._ask("POST" if subresource == "binding" else "PUT", path, body=obj)

    async def patch(
        self,
        resource: str,
        name: str,
        namespace: str,
        patch: Patch,
        *,
        type: PatchType = "merge",
        subresource: str = "",
    ) -> Object:
        path = self._path(resource, namespace, name, subresource)
        return await self._ask("PATCH", path, body=patch, content=CONTENT_TYPES[type])

    async def delete(
        self,
        resource: str,
        name: str,
        namespace: str = "",
        *,
        propagation: str = "",
        grace: int | None = None,
        uid: str = "",
    ) -> None:
        options: Object = {"apiVersion": "v1", "kind": "DeleteOptions"}
        options |= {"propagationPolicy": propagation} if propagation else {}
        options |= {"gracePeriodSeconds": grace} if grace is not None else {}
        options |= {"preconditions": {"uid": uid}} if uid else {}
        await self._ask("DELETE", self._path(resource, namespace, name), body=options)

    async def watch(
        self, resource: str, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> AsyncIterator[WatchEvent]:
        selectors = _selectors(labels, fields)
        items, version = await self._list(resource, namespace, selectors)
        for item in items:
            yield WatchEvent("ADDED", item)
        yield WatchEvent("BOOKMARK", {"metadata": {"resourceVersion": version}})
        async for event in self._follow(self._path(resource, namespace), selectors, version):
            if event.type != "BOOKMARK":
                yield event

    async def raw(self, path: str, query: Mapping[str, str] | None = None) -> Object:
        return await self._ask("GET", path, query)

    # -- subresources that only a node needs --------------------------------------------------------------------

    async def token(self, pod: Object, projection: Mapping[str, Any]) -> str:
        """A token for the pod's service account, as its projected volume asks for."""
        meta, account = pod["metadata"], pod["spec"].get("serviceAccountName", "default")
        bound = {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"]}
        spec: Object = {
            "expirationSeconds": projection.get("expirationSeconds", 3600),
            "boundObjectRef": bound,
        }
        spec["audiences"] = [projection["audience"]] if projection.get("audience") else []
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        path = self._path("serviceaccounts", meta["namespace"], account, "token")
        return str((await self._ask("POST", path, body=body))["status"]["token"])

    async def evict(self, pod: Object) -> None:
        """Ask politely for a pod's deletion; 429 while a disruption budget forbids it."""
        meta = {key: pod["metadata"][key] for key in ("name", "namespace")}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": meta}
        await self._ask(
            "POST", self._path("pods", meta["namespace"], meta["name"], "eviction"), body=body, tries=1
        )

    # -- requests -----------------------------------------------------------------------------------------------

    def _path(self, resource: str, namespace: str = "", name: str = "", subresource: str = "") -> str:
        kind = self._kind(resource)
        base = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"
        place = f"namespaces/{namespace}" if namespace and kind.namespaced else ""
        return "/".join(filter(None, (base, place, kind.plural, name, subresource)))

    def _kind(self, resource: str) -> Kind:
        return self._kinds.plural(resource)

    async def _ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: Patch | None = None,
        content: str = "application/json",
        tries: int = len(PAUSES) + 1,
    ) -> Object:
        """The object that answers; raises `StatusError`, 503 if nobody does."""
        for pause in (*PAUSES[: tries - 1], None):
            try:
                return await self._ask_once(method, path, query or {}, body, content)
            except StatusError as error:
                if error.code not in BUSY or pause is None:
                    raise
            await self._clock.sleep(pause)
        raise AssertionError("the last try returns or raises")

    async def _ask_once(
        self, method: str, path: str, query: Mapping[str, str], body: Patch | None, content: str
    ) -> Object:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Accept": "application/json"} | ({} if data is None else {"Content-Type": content})
        timeout = aiohttp.ClientTimeout(ANSWER_LIMIT)
        try:
            async with self._open(method, path, query, headers, timeout, data) as answer:
                text = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._silent(error) from error
        return answered(answer.status, text)

    def _open(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        headers: Mapping[str, str],
        timeout: aiohttp.ClientTimeout,
        data: bytes | None = None,
    ) -> Any:
        url, known = self.access.server + path, {**headers, **self.access.headers()}
        return self._session.request(
            method, url, params=query, headers=known, data=data, timeout=timeout, allow_redirects=False,
            server_hostname=self.access.server_name,
        )  # fmt: skip

    def _silent(self, error: BaseException) -> StatusError:
        text = str(error) or type(error).__name__
        return StatusError(503, "ServiceUnavailable", f"{self.access.server} gives no answer: {text}")

    # -- lists and watches --------------------------------------------------------------------------------------

    async def _list(self, resource: str, namespace: str, selectors: Mapping[str, str]) -> tuple[Objects, str]:
        """All objects, page by page, and the version of the list."""
        kind, path, items, more = self._kind(resource), self._path(resource, namespace), [], ""
        head = {"apiVersion": kind.api_version, "kind": kind.kind}  # which items of a list do not repeat
        while True:
            query = {**selectors, "limit": str(PAGE)} | ({"continue": more} if more else {})
            page = await self._ask("GET", path, query)
            items += [head | item for item in page.get("items") or ()]
            if not (more := page["metadata"].get("continue", "")):
                return items, page["metadata"]["resourceVersion"]

    async def _follow(
        self, path: str, selectors: Mapping[str, str], version: str
    ) -> AsyncIterator[WatchEvent]:
        """Every change after `version`, through as many connections as it takes."""
        failures = 0
        while True:
            try:
                async for event in self._connection(path, selectors, version):
                    version, failures = event.object["metadata"]["resourceVersion"], -1
                    yield event
            except StatusError as error:
                if error.code not in BUSY:
                    raise
            failures += 1
            await self._clock.sleep(PAUSES[min(failures, len(PAUSES) - 1)] * random.uniform(0.5, 1.0))

    async def _connection(
        self, path: str, selectors: Mapping[str, str], version: str
    ) -> AsyncIterator[WatchEvent]:
        """The changes that one connection tells before its time is up or it breaks (503)."""
        limit = random.uniform(*WATCH_LIMITS)
        query = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": f"{limit:.0f}"}
        query |= {"resourceVersion": version, **selectors}
        timeout = aiohttp.ClientTimeout(limit + ANSWER_LIMIT, sock_connect=ANSWER_LIMIT)
        try:
            async with self._open("GET", path, query, {"Accept": "application/json"}, timeout) as answer:
                if answer.status != 200:
                    answered(answer.status, await answer.read())
                async for line in _lines(answer.content):
                    yield _event(json.loads(line))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._silent(error) from error


def _selectors(labels: str, fields: str) -> dict[str, str]:
    found = {"labelSelector": labels, "fieldSelector": fields}
    return {key: text for key, text in found.items() if text}


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Whole lines, however long (aiohttp's own reader refuses those of large objects)."""
    rest = b""
    async for piece in content.iter_any():
        *whole, rest = (rest + piece).split(b"\n")
        for line in whole:
            yield line


def _event(told: Object) -> WatchEvent:
    obj = told["object"]
    if told["type"] != "ERROR":
        return WatchEvent(told["type"], obj)
    if obj.get("code") == 410:
        raise gone(obj.get("message", ""))
    raise StatusError(obj.get("code", 500), obj.get("reason", ""), obj.get("message", ""))
