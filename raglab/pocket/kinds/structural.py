"""Structural schemas: what a custom resource may contain, what is dropped from it, and what is filled in.

The schema of a custom resource is OpenAPI v3 with extensions; it alone decides which fields are kept. The rules are
those of "structural schemas" (k8s.io/apiextensions-apiserver/pkg/apiserver/schema). What values may be is judged in
`structural_rules`.
"""

from __future__ import annotations

import copy
from typing import Any

from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.decoding import Walk

PRESERVE = "x-kubernetes-preserve-unknown-fields"
EMBEDDED = "x-kubernetes-embedded-resource"
INT_OR_STRING = "x-kubernetes-int-or-string"
OF_EVERY_OBJECT = ("apiVersion", "kind", "metadata")
"""Fields that need not stand in the schema of a whole object."""


def prune(value: Any, schema: Object, walk: Walk, *, is_object: bool = False) -> Any:
    """A copy of `value` without the fields that the schema does not know; those are told to `walk`."""
    if isinstance(value, list):
        return [_at(index, item, schema.get("items") or {}, walk) for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    kept: Object = {}
    is_object = is_object or bool(schema.get(EMBEDDED))
    for name, item in value.items():
        inner = inside(schema, name)
        if inner is not None:
            kept[name] = _at(name, item, inner, walk)
        elif schema.get(PRESERVE) or (is_object and name in OF_EVERY_OBJECT):
            kept[name] = copy.deepcopy(item)
        else:
            walk.trail.append(("", name))
            walk.unknown.append(f'unknown field "{walk.path()}"')
            walk.trail.pop()
    return kept


def _at(step: str | int, value: Any, schema: Object, walk: Walk) -> Any:
    walk.trail.append(step if isinstance(step, int) else ("", step))
    pruned = prune(value, schema, walk)
    walk.trail.pop()
    return pruned


def inside(schema: Object, name: str) -> Object | None:
    """The schema of a field, None if the schema does not speak of it."""
    properties: Object = schema.get("properties") or {}
    if name in properties:
        found: Object = properties[name]
        return found
    more = schema.get("additionalProperties")
    return (more if isinstance(more, dict) else {}) if more else None


def complete(value: Any, schema: Object) -> None:
    """Fill in defaults, in place. A null where none may be gives way to the default, or goes."""
    if isinstance(value, list):
        for item in value:
            complete(item, schema.get("items") or {})
    if not isinstance(value, dict):
        return
    for name, inner in (schema.get("properties") or {}).items():
        is_null = name in value and value[name] is None and not inner.get("nullable")
        if "default" in inner and (name not in value or is_null):
            value[name] = copy.deepcopy(inner["default"])
        elif is_null:
            del value[name]
    for name, item in value.items():
        complete(item, inside(schema, name) or {})
