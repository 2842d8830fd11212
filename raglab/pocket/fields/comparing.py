"""What a write has changed, and which fields an object consists of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from raglab.pocket.fields import sets
from raglab.pocket.fields.atoms import Atom, Deduced, Mapping, granular
from raglab.pocket.fields.sets import HERE, LEAF, Fields
from raglab.pocket.kinds.catalogue import Object


class Comparison(NamedTuple):
    """Fields that were added or have another value, and fields that are gone."""

    changed: Fields | None
    removed: Fields | None

    @property
    def touched(self) -> Fields | None:
        """All of them."""
        return sets.union(self.changed, self.removed)


NOTHING = Comparison(None, None)


def everything(value: Any, atom: Atom) -> Fields:
    """All paths of a `value` that was not there before, down to its leaves and with those on the way."""
    parts = granular(atom, value) if value and isinstance(value, (dict, list)) else None
    if parts is None:
        return LEAF
    found: Fields = {HERE: LEAF}
    for name, part in parts.split(value).items():
        key, inner = parts.at(name)
        found[key] = everything(part, inner)
    return found


def consists_of(value: Any, atom: Atom) -> Fields | None:
    """The fields that someone who applies `value` speaks of: leaves, items of lists and entries of maps."""
    parts = granular(atom, value)
    if parts is None:
        return LEAF
    found: Fields = {}
    for name, part in parts.split(value).items():
        key, inner = parts.at(name)
        below = consists_of(part, inner)
        is_named = isinstance(parts, Mapping) and name in parts.parts
        if not is_named or part is None or part == {}:
            below = sets.union(below, LEAF)
        if below is not None:
            found[key] = below
    return found or None


def compare(old: Any, new: Any, atom: Atom) -> Comparison:
    """What is different in `new`. Parts that are equal are not looked into."""
    if old == new:
        return NOTHING
    parts = granular(atom, old if new is None else new)
    if isinstance(atom, Deduced) and None not in (old, new) and type(old) is not type(new):
        return Comparison(everything(new, atom), consists_of(old, atom))
    before, after = (parts.split(old), parts.split(new)) if parts else ({}, {})
    if parts is None or not (before or after):
        return Comparison(LEAF, None)
    changed: Fields = {}
    removed: Fields = {}
    for name, part in after.items():
        if name not in before:
            key, inner = parts.at(name)
            changed[key] = everything(part, inner)
        elif before[name] != part:
            key, inner = parts.at(name)
            more, less = compare(before[name], part, inner)
            changed |= {key: more} if more is not None else {}
            removed |= {key: less} if less is not None else {}
    for name in before.keys() - after.keys():
        key, inner = parts.at(name)
        removed[key] = everything(before[name], inner)
    return Comparison(changed or None, removed or None)


class Seen(NamedTuple):
    """An API version: the view of its objects, and how an object gets there."""

    view: Mapping
    convert: Callable[[Object], Object]


Version = Callable[[str], Seen | None]
"""Looks up an API version; None if it is not served."""


class Comparisons:
    """What a write has changed, in every version that somebody asks about."""

    def __init__(self, old: Object | None, new: Object, version: Version) -> None:
        """`old` is None for an object that is new."""
        self._old, self._new, self._version = old, new, version
        self._known: dict[str, Comparison | None] = {}

    def __call__(self, api_version: str) -> Comparison | None:
        """The change as `api_version` sees it, None if there is no such version."""
        if api_version not in self._known:
            self._known[api_version] = self._compared(api_version)
        return self._known[api_version]

    def _compared(self, api_version: str) -> Comparison | None:
        seen = self._version(api_version)
        if seen is None:
            return None
        view, convert = seen
        old = view.zero if self._old is None else convert(self._old)
        return compare(old, convert(self._new), view)
