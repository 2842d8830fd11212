"""From the published Kubernetes definitions to the two forms the cluster uses: compact types, and OpenAPI v3."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Any

import orjson
import yaml

from raglab.pocket.kinds.catalogue import Kind

Schema = dict[str, Any]

_REFERENCE = "#/$defs/"
_COMPONENT = "#/components/schemas/"
_SPECIAL = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "int-or-string",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "time",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "time",
}
"""Definitions that are values, not structs."""
_RAW = (".RawExtension", ".FieldsV1", ".JSON")
"""Ends of the names of definitions that may hold anything."""
_PART = re.compile(r"(.+\.JSONSchemaProps)Or(Array|Bool)")
"""Definitions for a schema inside a schema, which read their JSON themselves."""
_SCALARS = {
    ("string", "byte"): "bytes",
    ("string", "date-time"): "time",
    ("integer", "int32"): "int32",
    ("integer", ""): "int64",
    ("integer", "int64"): "int64",
    ("number", ""): "float64",
    ("number", "double"): "float64",
    ("boolean", ""): "bool",
    ("string", ""): "string",
}
_UNIONS: dict[str, Schema] = {
    "int-or-string": {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
    "quantity": {"oneOf": [{"type": "string"}, {"type": "number"}]},
}


def definitions(kinds: Iterable[Kind]) -> dict[str, Schema]:
    """The definitions of `kinds` and all they refer to, from the newest Kubernetes the package knows."""
    folder = files("kubernetes_validate").joinpath("kubernetes-json-schema")
    newest = max((item.name for item in folder.iterdir() if item.name.endswith("-local")), key=_version)
    everything = orjson.loads(folder.joinpath(newest, "_definitions.json").read_bytes())["$defs"]
    wanted = {(kind.group, kind.version, kind.kind) for kind in kinds}
    roots = [name for name, schema in everything.items() if wanted & set(_gvks(schema))]
    return closure(everything, roots, _REFERENCE)


def _version(folder: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", folder)]


def _gvks(schema: Schema) -> Iterator[tuple[str, str, str]]:
    for item in schema.get("x-kubernetes-group-version-kind", ()):
        yield item["group"], item["version"], item["kind"]


def closure(schemas: dict[str, Schema], roots: Iterable[str], prefix: str) -> dict[str, Schema]:
    """`roots` and everything they refer to with references that begin with `prefix`."""
    found: dict[str, Schema] = {}
    waiting = list(roots)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = schemas[name]
            waiting += [reference.removeprefix(prefix) for reference in _references(schemas[name])]
    return dict(sorted(found.items()))


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for item in schema.values():
            yield from _references(item)
    elif isinstance(schema, list):
        for item in schema:
            yield from _references(item)


def compact(schemas: dict[str, Schema]) -> Schema:
    """Roots by ``apiVersion kind``, and structs as field tables: what `Schemas` reads at start."""
    by_value = yaml.load(files(__package__).joinpath("values.yaml").read_text(), Loader=yaml.CSafeLoader)
    structs = {
        name: _struct(schema, by_value.get(name.rpartition(".")[2], []))
        for name, schema in schemas.items()
        if name not in _SPECIAL and not name.endswith(_RAW)
    }
    roots = {}
    for name, schema in schemas.items():
        for group, version, kind in _gvks(schema):
            roots[f"{group}/{version} {kind}" if group else f"{version} {kind}"] = name
    return {"roots": roots, "structs": structs}


def _struct(schema: Schema, by_value: list[str]) -> Schema:
    fields = {
        name: _field(property_, name in schema.get("required", ()))
        for name, property_ in schema.get("properties", {}).items()
    }
    if "x-kubernetes-group-version-kind" in schema:
        by_value = [*by_value, *(name for name in ("metadata", "spec", "status") if name in fields)]
    facts: Schema = {"fields": fields, "by_value": [name for name in by_value if name in fields]}
    return facts | ({"atomic": True} if schema.get("x-kubernetes-map-type") == "atomic" else {})


def _field(schema: Schema, required: bool) -> Schema:
    strategy = schema.get("x-kubernetes-patch-strategy", "")
    facts = {
        "type": _type(schema),
        "required": required,
        "strategy": strategy.split(",") if strategy else [],
        "merge_key": schema.get("x-kubernetes-patch-merge-key", ""),
        "list_type": schema.get("x-kubernetes-list-type", "") or schema.get("x-kubernetes-map-type", ""),
        "list_keys": schema.get("x-kubernetes-list-map-keys", []),
    }
    return {key: value for key, value in facts.items() if value}


def _type(schema: Schema) -> str:
    """A Go-like spelling: ``[]string``, ``map:quantity``, or the name of a struct."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REFERENCE)
        if part := _PART.fullmatch(name):
            return f"part:{part[1]}"
        return _SPECIAL.get(name) or (name if not name.endswith(_RAW) else "any")
    kind = _plain(schema.get("type", ""))
    if kind == "array":
        return f"[]{_type(schema['items'])}"
    if kind == "object":
        return f"map:{_type(schema['additionalProperties'])}" if "additionalProperties" in schema else "any"
    return _SCALARS.get((kind, schema.get("format", "")), "any")


def _plain(kind: str | list[str]) -> str:
    """The type apart from null, which the definitions allow everywhere."""
    return kind if isinstance(kind, str) else next(item for item in kind if item != "null")


def openapi(schemas: dict[str, Schema]) -> dict[str, Schema]:
    """The same definitions as OpenAPI v3 component schemas."""
    return {name: _component(name, schema) for name, schema in schemas.items()}


def _component(name: str, schema: Schema) -> Schema:
    if _SPECIAL.get(name) in _UNIONS:
        return _UNIONS[_SPECIAL[name]]
    result = _openapi(schema)
    if "x-kubernetes-group-version-kind" in result:
        for field in ("apiVersion", "kind"):
            result["properties"][field].pop("enum", None)
    return result


def _openapi(schema: Schema) -> Schema:
    result = dict(schema)
    if "$ref" in result:
        return _reference(result)
    if "type" in result:
        result["type"] = _plain(result["type"])
    if "properties" in result:
        result["properties"] = {name: _openapi(item) for name, item in result["properties"].items()}
    for key in ("items", "additionalProperties"):
        if isinstance(result.get(key), dict):
            result[key] = _openapi(result[key])
    return result


def _reference(schema: Schema) -> Schema:
    """OpenAPI 3.0 allows nothing beside ``$ref``, so a described reference becomes an ``allOf`` of one."""
    target: Schema = {"$ref": _COMPONENT + schema.pop("$ref").removeprefix(_REFERENCE)}
    return schema | {"allOf": [target]} if schema else target
