"""Sets of fields, and what can be done with them.

A set is written the way the API writes it (``FieldsV1``), so that it is stored and shown as it is: a map from path
elements (``f:NAME`` for a field, ``k:{"KEY":VALUE}`` for an item of a list told apart by keys, ``v:VALUE`` for an item
of a set) to what the set holds below. A path is a member if its map is empty or holds ``.``; a set without members is
None. Sets share parts with one another and must never be changed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import orjson

Fields = dict[str, Any]
"""A set of fields with at least one member."""
HERE = "."
LEAF: Fields = {}
"""The path itself and nothing below."""
_ORDER = {"f": 0, "k": 1, "v": 2}
"""Fields come before items of lists."""


_shared: dict[bytes, Fields] = {}
MOST_SHARED = 2048


def shared(fields: Fields) -> Fields:
    """An equal set that is in use already, if there is one: the pods of a workload all have the same fields."""
    key = orjson.dumps(fields)
    if len(_shared) >= MOST_SHARED:
        _shared.clear()
    return _shared.setdefault(key, fields)


def is_member(fields: Fields) -> bool:
    """Whether the path that leads to `fields` belongs to the set."""
    return not fields or HERE in fields


def of(children: Fields, member: bool) -> Fields | None:
    """The set with `children`, and with the path to them if it is a `member`."""
    if member:
        return {HERE: LEAF, **children} if children else LEAF
    return children or None


def union(one: Fields | None, other: Fields | None) -> Fields | None:
    """What is in `one` or in `other`."""
    if one is None or one is other:
        return other
    if other is None:
        return one
    merged = {key: part for key, part in one.items() if key != HERE}
    for key, part in other.items():
        if key != HERE:
            merged[key] = union(merged.get(key), part)
    return of(merged, is_member(one) or is_member(other))


def difference(one: Fields | None, other: Fields | None) -> Fields | None:
    """What is in `one` and not in `other`."""
    if one is None or other is None:
        return one
    kept: Fields = {}
    for key, part in one.items():
        if key != HERE:
            left = difference(part, other[key]) if key in other else part
            if left is not None:
                kept[key] = left
    return of(kept, is_member(one) and not is_member(other))


def intersection(one: Fields | None, other: Fields | None) -> Fields | None:
    """What is in `one` and in `other`."""
    if one is None or other is None:
        return None
    shared: Fields = {}
    for key, part in one.items():
        both = intersection(part, other.get(key)) if key != HERE else None
        if both is not None:
            shared[key] = both
    return of(shared, is_member(one) and is_member(other))


def paths(fields: Fields | None, prefix: str = "") -> Iterator[str]:
    """Every member as text, ``.spec.template.spec.containers[name="web"].image``; those higher up first."""
    inner = sorted((key for key in fields or () if key != HERE), key=lambda key: (_ORDER.get(key[0], 3), key))
    for key in inner:
        if fields and is_member(fields[key]):
            yield prefix + step(key)
    for key in inner:
        yield from paths(fields[key] if fields else None, prefix + step(key))


def step(element: str) -> str:
    """A path element as text: ``.spec``, ``[name="web"]``, ``[="value"]``."""
    if element.startswith("f:"):
        return "." + element[2:]
    told = orjson.loads(element[2:])
    if element.startswith("k:"):
        return "[" + ",".join(f"{key}={_shown(value)}" for key, value in told.items()) + "]"
    return f"[={_shown(told)}]"


def _shown(value: Any) -> str:
    return orjson.dumps(value).decode()


def key_of(facts: dict[str, Any]) -> str:
    """The path element of an item that is told by `facts`, e.g. ``k:{"containerPort":80,"protocol":"TCP"}``."""
    return "k:" + orjson.dumps(facts, option=orjson.OPT_SORT_KEYS).decode()


def value_of(value: Any) -> str:
    """The path element of an item of a set."""
    return "v:" + orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()


_ELEMENT = re.compile(r"f:.*|[kvi]:.+", re.DOTALL)


def is_valid(fields: Any) -> bool:
    """Whether this is a set of fields as the API writes it."""
    if not isinstance(fields, dict):
        return False
    return all(
        part == {} if key == HERE else _ELEMENT.fullmatch(key) is not None and is_valid(part)
        for key, part in fields.items()
    )
