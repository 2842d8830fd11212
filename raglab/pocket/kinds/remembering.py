"""Results that are remembered per object: what all pods of a node or namespace come to is asked again and again."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from raglab.pocket.kinds.catalogue import Object

T = TypeVar("T")
MOST = 2048
"""Objects that are remembered, per function."""


def remembered(function: Callable[[Object], T]) -> Callable[[Object], T]:
    """Call `function` once per object, as long as it stays the same dict: objects are replaced, never changed."""
    known: dict[str, tuple[Object, T]] = {}

    @wraps(function)
    def look_up(obj: Object) -> T:
        uid = obj["metadata"]["uid"]
        found = known.get(uid)
        if found is not None and found[0] is obj:
            return found[1]
        if len(known) >= MOST:
            known.clear()
        result = function(obj)
        known[uid] = obj, result
        return result

    return look_up
