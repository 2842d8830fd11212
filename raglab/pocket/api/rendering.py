"""Objects, lists and tables as the bytes of an answer.

A stored object is encoded once, by the store; lists join those bytes and watches send them to each watcher.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson
from aiohttp import web

from raglab.pocket.api.negotiate import JSON, View
from raglab.pocket.errors import StatusError
from raglab.pocket.kinds import columns
from raglab.pocket.kinds.catalogue import Kind
from raglab.pocket.store import Store

MOST_WARNINGS, LONGEST_WARNING = 4096, 256
"""Characters of all warnings of an answer, and of each where there are more: the limits of a real server."""

Object = dict[str, Any]


class Encoder:
    """JSON of objects; for a stored object these are the bytes that the store keeps anyway."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def encode(self, kind: Kind, obj: Object) -> bytes:
        """The object as JSON. Only the very object that is stored may use the stored bytes: the outcome of a dry run
        and the last sight of an object by a watch with a selector share its uid and version and look different.
        """
        meta = obj["metadata"]
        record = self._store.get(kind.storage_key, meta.get("namespace", ""), meta.get("name", ""))
        return record.raw if record is not None and record.object is obj else orjson.dumps(obj)


class Renderer:
    """Shows objects in the view a client asked for. `now` is needed for ages in tables."""

    def __init__(self, encoder: Encoder, kind: Kind, view: View, now: float) -> None:
        self._encoder, self._kind, self._view, self._now = encoder, kind, view, now

    def one(self, obj: Object) -> bytes:
        """A single object."""
        if self._view.shape == "Table":
            return orjson.dumps(self._table([obj], _version(obj)))
        if self._view.shape == "PartialObjectMetadata":
            return orjson.dumps(self._partial(obj))
        return self._encoder.encode(self._kind, obj)

    def many(self, objects: list[Object], meta: Object) -> bytes:
        """A list; `meta` has its resourceVersion and, for a part of a list, continue and remainingItemCount."""
        if self._view.shape == "Table":
            return orjson.dumps(self._table(objects, meta))
        if self._view.shape == "PartialObjectMetadata":
            head: Object = {
                "kind": "PartialObjectMetadataList",
                "apiVersion": f"meta.k8s.io/{self._view.version}",
            }
            return orjson.dumps(head | {"metadata": meta, "items": [self._partial(obj) for obj in objects]})
        head = {"kind": f"{self._kind.kind}List", "apiVersion": self._kind.api_version, "metadata": meta}
        items = b",".join(self._encoder.encode(self._kind, obj) for obj in objects)
        return orjson.dumps(head)[:-1] + b',"items":[' + items + b"]}"

    def event(self, change: str, obj: Object, *, first: bool) -> bytes:
        """One line of a watch. Only the `first` table of a watch carries its columns."""
        if self._view.shape == "Table":
            table = self._mark(obj) if change == "BOOKMARK" else self._table([obj], _version(obj))
            shown = orjson.dumps(table if first else table | {"columnDefinitions": None})
        else:
            shown = self.one(obj)
        return b'{"type":"%s","object":%s}\n' % (change.encode(), shown)

    def _partial(self, obj: Object) -> Object:
        version = f"meta.k8s.io/{self._view.version}"
        return {"kind": "PartialObjectMetadata", "apiVersion": version, "metadata": obj["metadata"]}

    def _table(self, objects: list[Object], meta: Object) -> Object:
        definitions, cells = columns.table(self._kind, objects, self._now)
        rows = [self._row(row, obj) for row, obj in zip(cells, objects, strict=True)]
        return self._table_of(definitions, rows, meta)

    def _mark(self, obj: Object) -> Object:
        """A bookmark as a table: it has no cells, for it is no object."""
        definitions, _ = columns.table(self._kind, [], self._now)
        return self._table_of(definitions, [self._row([], obj)], _version(obj))

    def _table_of(self, definitions: list[Object], rows: list[Object], meta: Object) -> Object:
        head = {"kind": "Table", "apiVersion": f"meta.k8s.io/{self._view.version}", "metadata": meta}
        return head | {"columnDefinitions": definitions, "rows": rows}

    def _row(self, cells: list[Any], obj: Object) -> Object:
        if self._view.include == "None":
            return {"cells": cells}
        return {"cells": cells, "object": obj if self._view.include == "Object" else self._partial(obj)}


def _version(obj: Object) -> Object:
    version = obj["metadata"].get("resourceVersion", "")
    return {"resourceVersion": version} if version else {}


def warning_headers(warnings: Iterable[str]) -> list[tuple[str, str]]:
    """``Warning`` headers, which kubectl prints (RFC 7234 §5.5; 299 is "miscellaneous persistent warning").

    Many or long ones are cut, as by a real server: the head of an answer has no room for them.
    """
    warnings = list(dict.fromkeys(warnings))
    if sum(map(len, warnings)) > MOST_WARNINGS:
        warnings = [text[:LONGEST_WARNING] for text in warnings][: MOST_WARNINGS // LONGEST_WARNING]
    escaped = (text.replace("\\", "\\\\").replace('"', '\\"') for text in warnings)
    printable = ("".join(char if char.isprintable() else " " for char in text) for text in escaped)
    return [("Warning", f'299 - "{text}"') for text in printable]


def response(body: bytes | Object, status: int = 200, warnings: Iterable[str] = ()) -> web.Response:
    """A JSON answer."""
    raw = body if isinstance(body, bytes) else orjson.dumps(body)
    answer = web.Response(body=raw, status=status, content_type=JSON)
    answer.headers["Cache-Control"] = "no-cache, private"
    for name, value in warning_headers(warnings):
        answer.headers.add(name, value)
    return answer


def failure(error: StatusError) -> web.Response:
    """A refused request as its ``Status`` object."""
    answer = response(error.to_status(), error.code)
    retry = error.details.get("retryAfterSeconds")
    if retry:
        answer.headers["Retry-After"] = str(retry)
    return answer
