"""The view of a kind's objects as atoms, made from its schema: that of Kubernetes' own kinds or a custom resource's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from raglab.pocket.fields.atoms import ANYTHING, UNDECLARED, Atom, Listing, Mapping
from raglab.pocket.kinds import structural
from raglab.pocket.kinds.catalogue import Kind, Object
from raglab.pocket.kinds.decoding import Field, ListOf, MapOf, Part, Raw, Struct, Type
from raglab.pocket.kinds.schema import META, Schemas

SCALARS = {
    "string": "string",
    "[]uint8": "string",
    "bool": "boolean",
    "int32": "numeric",
    "int64": "numeric",
    "float64": "numeric",
}
"""What values of a Go type are; of other types (quantities, times) they may be of any kind."""
KINDS = {"string": "string", "integer": "numeric", "number": "numeric", "boolean": "boolean"}
"""The same by their names in OpenAPI."""
ZEROS: dict[str, Any] = {"string": "", "numeric": 0, "boolean": False}
KEY_DEFAULTS = {"protocol": "TCP"}
"""Keys of lists that stand for something where an item leaves them out; all others are required there."""


class Views:
    """The views of all kinds' objects, each made when first asked for."""

    def __init__(self, schemas: Schemas) -> None:
        self._schemas = schemas
        self._structs: dict[Struct, Mapping] = {}
        self._custom: dict[tuple[str, str], tuple[Any, Mapping]] = {}

    def of(self, kind: Kind) -> Mapping:
        """The view of the objects of `kind`."""
        if kind.custom:
            key = kind.api_version, kind.kind
            known = self._custom.get(key)
            if known is None or known[0] is not kind.custom:
                known = self._custom[key] = kind.custom, self._resource(kind.custom.schema)
            return known[1]
        root = self._schemas.root(kind)
        return self._struct(root) if root else Mapping(element=ANYTHING)

    def _resource(self, schema: Object) -> Mapping:
        """A custom resource: its schema decides about all but what every object has."""
        view = of_schema(schema)
        if not isinstance(view, Mapping):
            view = Mapping(element=ANYTHING)
        text = Atom("string")
        meta = self._struct(self._schemas.struct(META))
        known = {"apiVersion": text, "kind": text, "metadata": meta}
        parts = view.parts | {name: ("f:" + name, atom) for name, atom in known.items()}
        return Mapping(parts=parts, element=view.element, zero={"metadata": {}})

    def _struct(self, struct: Struct) -> Mapping:
        """Registered before its parts are made, for structs may contain themselves."""
        if struct not in self._structs:
            view = self._structs[struct] = Mapping(atomic=struct.atomic)
            for name, item in struct.fields.items():
                view.parts[name] = "f:" + name, self._field(item)
                if name in struct.by_value or item.required:
                    view.zero[name] = _zero(view.parts[name][1], by_value=name in struct.by_value)
        return self._structs[struct]

    def _field(self, item: Field) -> Atom:
        if isinstance(item.type, ListOf):
            element = self._type(item.type.item)
            if item.list_type == "map" or (
                not item.list_type and item.merge_key and "merge" in item.strategy
            ):
                keys = item.list_keys or (item.merge_key,)
                return Listing(
                    element=element, atomic=False, keys=keys, defaults=_key_defaults(element, keys)
                )
            is_set = item.list_type == "set" or (not item.list_type and "merge" in item.strategy)
            return Listing(element=element, atomic=not is_set)
        atom = self._type(item.type)
        if item.list_type and isinstance(atom, Mapping):  # the field may say otherwise than its struct
            return replace(atom, atomic=item.list_type == "atomic")
        return atom

    def _type(self, kind: Type) -> Atom:
        match kind:
            case Struct():
                return self._struct(kind)
            case ListOf():
                return Listing(element=self._type(kind.item))
            case MapOf():
                return Mapping(element=self._type(kind.item))
            case Raw() | Part():
                return ANYTHING
        return Atom(SCALARS.get(kind.name, "untyped"))


def _zero(atom: Atom, *, by_value: bool) -> Any:
    """What Go writes for a field that was never set: an empty struct, null for what is held by reference."""
    if isinstance(atom, Mapping):
        return atom.zero if by_value else None
    return None if isinstance(atom, Listing) else ZEROS.get(atom.scalar)


def _key_defaults(element: Atom, keys: tuple[str, ...]) -> Object:
    if not isinstance(element, Mapping):
        return {}
    zeros = {key: element.zero[key] for key in keys if key in element.zero}
    return zeros | {key: KEY_DEFAULTS[key] for key in keys if key in KEY_DEFAULTS}


def of_schema(schema: Object) -> Atom:
    """The view of what a structural schema describes."""
    if schema.get(structural.INT_OR_STRING):
        return Atom()
    match schema.get("type"):
        case "object":
            return _of_object(schema)
        case "array":
            return _of_array(schema)
        case None:
            return ANYTHING
        case name:
            return Atom(KINDS.get(name, "untyped"))


def _of_object(schema: Object) -> Mapping:
    properties, more = schema.get("properties") or {}, schema.get("additionalProperties")
    parts = {name: ("f:" + name, of_schema(inner)) for name, inner in properties.items()}
    if schema.get(structural.EMBEDDED):
        text = Atom("string")
        known: dict[str, Atom] = {"apiVersion": text, "kind": text, "metadata": ANYTHING}
        parts = {name: ("f:" + name, atom) for name, atom in known.items()} | parts
    free = schema.get(structural.PRESERVE) or (not properties and more is None) or more is True
    element = of_schema(more) if isinstance(more, dict) else ANYTHING if free else UNDECLARED
    return Mapping(parts=parts, element=element, atomic=schema.get("x-kubernetes-map-type") == "atomic")


def _of_array(schema: Object) -> Listing:
    element, kind = of_schema(schema.get("items") or {}), schema.get("x-kubernetes-list-type")
    keys = tuple(schema.get("x-kubernetes-list-map-keys") or ()) if kind == "map" else ()
    inner = (schema.get("items") or {}).get("properties") or {}
    defaults = {key: inner[key]["default"] for key in keys if "default" in inner.get(key, {})}
    return Listing(element=element, atomic=kind not in ("map", "set"), keys=keys, defaults=defaults)
