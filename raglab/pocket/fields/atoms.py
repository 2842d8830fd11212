"""What lists and maps of an object mean for its fields: one owner for the whole, or one for each part.

The schemas say so: a list is ``atomic`` (one value), a ``set`` or a ``map`` told by keys; a map or struct is granular
unless it is ``atomic``. Where a schema says nothing, a list is atomic and a map granular. The view made here keeps
that and nothing else. Source: k8s.io/kube-openapi/pkg/schemaconv.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from raglab.pocket.fields import sets


@dataclass(eq=False)
class Atom:
    """A value without parts that have owners of their own."""

    scalar: str = "untyped"
    """``string``, ``numeric``, ``boolean`` or ``untyped``."""


class Deduced(Atom):
    """Whatever is found: maps are granular, lists atomic."""


ANYTHING, UNDECLARED = Deduced(), Deduced()
"""The second is found where a schema allows nothing, in objects that are older than the schema."""


@dataclass(eq=False)
class Mapping(Atom):
    """A struct or map. `parts` are its declared fields: their path elements, and what they are."""

    parts: dict[str, tuple[str, Atom]] = field(default_factory=dict, repr=False)
    element: Atom = UNDECLARED
    """What other fields are."""
    atomic: bool = False
    zero: dict[str, Any] = field(default_factory=dict, repr=False)
    """An empty one, as Go writes it: with the fields that are never left out."""

    def at(self, name: str) -> tuple[str, Atom]:
        """The path element of a field, and what it is."""
        return self.parts.get(name) or ("f:" + name, self.element)

    def split(self, value: Any) -> dict[str, Any]:
        """The fields of a value by name; none if it is no map."""
        return value if isinstance(value, dict) else {}


@dataclass(eq=False)
class Listing(Atom):
    """A list. With `keys` its items are maps told by them, without they are plain values, each there once."""

    element: Atom = ANYTHING
    atomic: bool = True
    keys: tuple[str, ...] = ()
    defaults: dict[str, Any] = field(default_factory=dict)

    def at(self, key: str) -> tuple[str, Atom]:
        """Items go by their path elements."""
        return key, self.element

    def key(self, item: Any) -> str:
        """The path element of an item."""
        if not self.keys or not isinstance(item, dict):
            return sets.value_of(item)
        return sets.key_of({key: item.get(key, self.defaults.get(key)) for key in self.keys})

    def split(self, value: Any) -> dict[str, Any]:
        """Items by path element; those that are told apart by nothing come together as `Several`."""
        found: dict[str, Any] = {}
        for item in value if isinstance(value, list) else ():
            key = self.key(item)
            if key in found:
                before = found[key]
                found[key] = Several([*(before if isinstance(before, Several) else [before]), item])
            else:
                found[key] = item
        return found


class Several(list[Any]):
    """Items of a list that have the same keys although they should not: one value together."""


MAP_OF_ANYTHING, ATOMIC_LIST = Mapping(element=ANYTHING), Listing()
Granular = Mapping | Listing


def granular(atom: Atom, value: Any) -> Granular | None:
    """How the parts of `value` have owners of their own, None if they have not."""
    if isinstance(atom, Deduced):
        return MAP_OF_ANYTHING if isinstance(value, dict) else None
    if not isinstance(atom, Granular) or atom.atomic or isinstance(value, Several):
        return None
    return atom
