"""Lists in pieces, and the resourceVersions that lists and watches may name.

A continue token holds the version of the first page and the key of the last object sent. Later pages show the objects
as they are by then (a real server keeps old versions for five minutes): an object is never sent twice nor skipped, and
a watch from the first page's version tells what changed in between.
"""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

import orjson

from raglab.pocket.client import Object
from raglab.pocket.errors import StatusError, bad_request
from raglab.pocket.store import Key

DIGITS = 20
"""Of the largest 64-bit number; Python itself refuses to read more than a few thousand."""


class Page(NamedTuple):
    """Part of a list; `continue_token` asks for the next part, `remaining` counts what is left after this one."""

    items: list[Object]
    resource_version: str
    continue_token: str = ""
    remaining: int = 0


def key_of(obj: Object) -> Key:
    """Where an object stands in the order of lists."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def cut(objects: list[Object], version: int, limit: int, token: str) -> Page:
    """The next `limit` of `objects` (0 is no limit) after the place that `token` names."""
    if token:
        version, last = _read(token)
        objects = [obj for obj in objects if key_of(obj) > last]
    if not limit or len(objects) <= limit:
        return Page(objects, str(version))
    page = objects[:limit]
    return Page(page, str(version), _write(version, key_of(page[-1])), len(objects) - limit)


def check_version(version: str, newest: int) -> None:
    """Refuse what is no version (400), and a version that does not exist yet (504)."""
    if not version:
        return
    number = version.isascii() and version.isdigit()
    if not number or len(version) > DIGITS:
        wrong = "value out of range" if number else "invalid syntax"
        why = f'Invalid value: "{version}": strconv.ParseUint: parsing "{version}": {wrong}'
        raise bad_request(f"resourceVersion: {why}")
    if int(version) > newest:
        why = "Too large resource version"
        details = {"causes": [{"reason": "ResourceVersionTooLarge", "message": why}], "retryAfterSeconds": 1}
        raise StatusError(504, "Timeout", f"Timeout: {why}: {version}, current: {newest}", details)


def _write(version: int, last: Key) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([version, *last])).decode()


def _read(token: str) -> tuple[int, Key]:
    try:
        version, namespace, name = orjson.loads(base64.urlsafe_b64decode(token))
        return int(version), (str(namespace), str(name))
    except (ValueError, TypeError, binascii.Error):
        raise bad_request("continue key is not valid: it does not come from an earlier page") from None
