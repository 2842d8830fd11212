"""Kinds that a CustomResourceDefinition makes: the facts of one, and how its objects are completed and judged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from raglab.pocket.kinds import jsonpath, structural, structural_rules
from raglab.pocket.kinds.catalogue import Kind, Object
from raglab.pocket.kinds.causes import Causes
from raglab.pocket.kinds.cells import NAME, Cell, Column
from raglab.pocket.kinds.duration import since

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
ESTABLISHED, TERMINATING = "Established", "Terminating"
_OF_SERVER = ("apiVersion", "kind", "metadata")
"""Parts of an object that are judged and completed as those of every object are."""


class ScalePaths(NamedTuple):
    """Where a kind keeps what its ``scale`` subresource shows, as steps from the object; no `selector` is ()."""

    replicas: tuple[str, ...] = ("spec", "replicas")
    current: tuple[str, ...] = ("status", "replicas")
    selector: tuple[str, ...] = ()


@dataclass(frozen=True)
class Custom:
    """One version of a custom resource."""

    schema: Object
    """Its ``openAPIV3Schema``."""
    columns: tuple[Column, ...]
    scale: ScalePaths
    storage_version: str
    selectable: tuple[str, ...] = ()
    """Fields by which lists may be asked for, beside name and namespace."""
    deprecation: str = ""
    """The warning that goes with every answer about this version, if it is deprecated."""

    def complete(self, obj: Object) -> None:
        """Fill in the schema's defaults, in place."""
        meta = obj["metadata"]
        structural.complete(obj, self.schema)
        obj["metadata"] = meta

    def check(self, causes: Causes, obj: Object, old: Object | None) -> None:
        """Add what the schema objects to."""
        own, before = _content(obj), _content(old) if old else None
        properties = self.schema.get("properties") or {}
        inner = {name: part for name, part in properties.items() if name not in _OF_SERVER}
        schema = self.schema | {"properties": inner}
        schema["required"] = [name for name in schema.get("required") or () if name not in _OF_SERVER]
        structural_rules.check(causes, "", own, schema, before)


def _content(obj: Object) -> Object:
    return {name: part for name, part in obj.items() if name not in _OF_SERVER}


def is_true(definition: Object, condition: str) -> bool:
    """Whether a CustomResourceDefinition has this condition."""
    listed = definition.get("status", {}).get("conditions") or ()
    return any((item.get("type"), item.get("status")) == (condition, "True") for item in listed)


def kinds(definition: Object) -> list[Kind]:
    """The kinds that a definition serves, one per version; none before its names are established."""
    if not is_true(definition, ESTABLISHED):
        return []
    spec = definition["spec"]
    stored = next(version["name"] for version in spec["versions"] if version["storage"])
    return [_kind(spec, version, stored) for version in spec["versions"] if version["served"]]


def _kind(spec: Object, version: Object, stored: str) -> Kind:
    names, below = spec["names"], version.get("subresources") or {}
    schema = (version.get("schema") or {}).get("openAPIV3Schema") or {structural.PRESERVE: True}
    return Kind(
        group=spec["group"],
        version=version["name"],
        kind=names["kind"],
        plural=names["plural"],
        singular=names["singular"],
        namespaced=spec["scope"] == "Namespaced",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        verbs=VERBS,
        subresources=tuple(name for name in ("scale", "status") if name in below),
        custom=Custom(
            schema,
            columns(version),
            _scale(below.get("scale") or {}),
            stored,
            tuple(
                ".".join(jsonpath.names(item["jsonPath"])) for item in version.get("selectableFields") or ()
            ),
            _deprecation(spec, version),
        ),
    )


def _deprecation(spec: Object, version: Object) -> str:
    if not version.get("deprecated"):
        return ""
    usual = f"{spec['group']}/{version['name']} {spec['names']['kind']} is deprecated"
    told: str = version.get("deprecationWarning") or usual
    return told


def _scale(scale: Object) -> ScalePaths:
    if not scale:
        return ScalePaths()
    listed = [scale["specReplicasPath"], scale["statusReplicasPath"], scale.get("labelSelectorPath", "")]
    return ScalePaths(*(jsonpath.names(path) if path else () for path in listed))


def columns(version: Object) -> tuple[Column, ...]:
    """The printer columns of a version: the name, and those it lists or else the age."""
    age = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
    return NAME, *(_column(item) for item in version.get("additionalPrinterColumns") or [age])


def _column(item: Object) -> Column:
    cell = _cell(jsonpath.compile(item["jsonPath"]), item["type"])
    more = {"format": item.get("format", ""), "description": item.get("description", "")}
    return Column(item["name"], cell, item["type"], item.get("priority", 0), **more)


def _cell(path: jsonpath.Path, kind: str) -> Cell:
    def cell(obj: Object, now: float) -> Any:
        found = path(obj)
        return _shown(found[0], kind, now) if found else None

    return cell


def _age(value: Any, now: float) -> str | None:
    try:
        return since(value, now)
    except (TypeError, ValueError):
        return None


def _shown(value: Any, kind: str, now: float) -> Any:
    """A value as a cell of a column of `kind`; None where it is of another kind."""
    if kind == "string":
        return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
    if kind == "date":
        return _age(value, now)
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number:
        return None
    return int(value) if kind == "integer" else value
