"""How an applied configuration and the stored object become one, and how fields are taken out of it."""

from __future__ import annotations

from typing import Any

from raglab.pocket.fields import sets
from raglab.pocket.fields.atoms import ANYTHING, Atom, Listing, Mapping, granular
from raglab.pocket.fields.sets import HERE, LEAF, Fields


def merge(live: Any, config: Any, atom: Atom) -> Any:
    """`live` with everything that `config` says."""
    parts = granular(atom, config)
    if parts is None:
        return config
    if config is None:
        return live
    if not live or not isinstance(config, type(live)):
        return config
    if isinstance(parts, Listing):
        return _merged_items(parts, live, config)
    return live | {name: merge(live.get(name), part, parts.at(name)[1]) for name, part in config.items()}


def _merged_items(atom: Listing, live: list[Any], config: list[Any]) -> list[Any]:
    """The items of both: those of `config` in its order, the others of `live` where they stood between them."""
    old, new = atom.split(live), atom.split(config)
    waiting, shared = list(new), [key for key in new if key in old]
    result: list[Any] = []

    def take(last: str) -> None:
        while last in waiting:
            key = waiting.pop(0)
            result.append(merge(old.get(key), new[key], atom.element))

    for item in live:
        key = atom.key(item)
        if key not in new:
            result.append(item)
        elif shared and key == shared[0]:
            take(shared.pop(0))
    if waiting:
        take(waiting[-1])
    return result


def remove(value: Any, fields: Fields | None, atom: Atom) -> Any:
    """`value` without the members of `fields`; None for a map or list of which nothing is left."""
    parts = granular(atom, value)
    if parts is None or not value or not fields:
        return value
    if isinstance(parts, Listing):
        items = ((fields.get(parts.key(item)), item) for item in value)
        return [remove(item, below, parts.element) for below, item in items if not _goes(below)] or None
    named = ((name, part, *parts.at(name)) for name, part in value.items())
    return {
        name: remove(part, fields.get(key), inner)
        for name, part, key, inner in named
        if not _goes(fields.get(key))
    } or None


def _goes(below: Fields | None) -> bool:
    return below is not None and sets.is_member(below)


def with_named(fields: Fields | None, atom: Atom) -> Fields | None:
    """`fields` and, of what stands above its members, the fields that a schema names: not entries of maps and items."""
    if not fields:
        return fields
    result: Fields = {}
    for key, part in fields.items():
        if key == HERE:
            result[HERE] = LEAF
            continue
        inner = with_named(part, _inside(atom, key))
        is_named = isinstance(atom, Mapping) and key[2:] in atom.parts
        result[key] = sets.union(inner, LEAF) if is_named else inner
    return result


def _inside(atom: Atom, key: str) -> Atom:
    if isinstance(atom, Mapping):
        return atom.at(key[2:])[1]
    return atom.element if isinstance(atom, Listing) else ANYTHING
