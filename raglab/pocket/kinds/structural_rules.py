"""What a schema says about values: types, limits, patterns, alternatives. Texts are those of a real API server.

Each keyword is one small function that yields complaints. Rules in the Common Expression Language
(``x-kubernetes-validations``) are not evaluated; the answer to a definition
that has some warns of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.causes import Causes, quoted
from raglab.pocket.kinds.structural import INT_OR_STRING, inside

_NAMES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


def check(causes: Causes, path: str, value: Any, schema: Object, old: Any = None) -> None:
    """Add what is wrong with `value` at `path`.

    What equals its `old` state is not judged again: a stricter schema must not lock objects that exist already
    ("ratcheting").
    """
    if old is not None and value == old:
        return
    if value is None and schema.get("nullable"):
        return
    wanted = _types(schema)
    if wanted and not any(_is(value, name) for name in wanted):
        found = _type_of(value)
        text = f'Invalid value: "{found}": {path} in body must be of type {",".join(wanted)}: "{found}"'
        causes.append(("FieldValueTypeInvalid", path, text))
        return
    for keyword, rule in _RULES.items():
        if keyword in schema:
            rule(causes, path, value, schema)
    _inner(causes, path, value, schema, old)
    _alternatives(causes, path, value, schema)


def _types(schema: Object) -> list[str]:
    if schema.get(INT_OR_STRING):
        return ["integer", "string"]
    return [schema["type"]] if schema.get("type") else []


def _type_of(value: Any) -> str:
    return _NAMES.get(type(value), "null")


def _is(value: Any, name: str) -> bool:
    found = _type_of(value)
    if name == "number":
        return found in ("integer", "number")
    return found == name or (name == "integer" and found == "number" and value.is_integer())


def _inner(causes: Causes, path: str, value: Any, schema: Object, old: Any) -> None:
    if isinstance(value, dict):
        before = old if isinstance(old, dict) else {}
        for name in schema.get("required") or ():
            if name not in value:
                causes.required(_join(path, name))
        for name, item in value.items():
            inner = inside(schema, name)
            if inner:
                at = _join(path, name) if name in (schema.get("properties") or {}) else f"{path}.{name}"
                check(causes, at, item, inner, before.get(name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            check(causes, f"{path}[{index}]", item, schema.get("items") or {})


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _enum(causes: Causes, path: str, value: Any, schema: Object) -> None:
    if value not in schema["enum"]:
        listed = ", ".join(quoted(item) for item in schema["enum"])
        text = f"Unsupported value: {quoted(value)}: supported values: {listed}"
        causes.append(("FieldValueNotSupported", path, text))


def _limit(
    keyword: str, kind: type | tuple[type, ...], size: Callable[[Any], Any], breaks: str, text: str
) -> Callable[[Causes, str, Any, Object], None]:
    """A rule about a size: `breaks` says on which side of the limit it is broken."""

    def rule(causes: Causes, path: str, value: Any, schema: Object) -> None:
        if not isinstance(value, kind) or isinstance(value, bool):
            return
        limit, found = schema[keyword], size(value)
        if found > limit if breaks == ">" else found < limit:
            shown = found if isinstance(value, (list, dict)) else value
            causes.invalid(path, shown, f"{path} in body should {text.format(limit)}")

    return rule


def _bound(keyword: str, exclusive: str, word: str) -> Callable[[Causes, str, Any, Object], None]:
    """``maximum`` or ``minimum``, each of which may exclude the limit itself."""

    def rule(causes: Causes, path: str, value: Any, schema: Object) -> None:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            return
        limit, strict = schema[keyword], schema.get(exclusive, False)
        beyond = value > limit if keyword == "maximum" else value < limit
        if beyond or (strict and value == limit):
            text = word if strict else f"{word} or equal to"
            causes.invalid(path, value, f"{path} in body should be {text} {limit}")

    return rule


def _longest(causes: Causes, path: str, value: Any, schema: Object) -> None:
    if isinstance(value, str) and len(value) > schema["maxLength"]:
        causes.too_long(path, schema["maxLength"])


def _most(keyword: str, kind: type) -> Callable[[Causes, str, Any, Object], None]:
    def rule(causes: Causes, path: str, value: Any, schema: Object) -> None:
        if isinstance(value, kind) and len(value) > schema[keyword]:  # type: ignore[arg-type]
            text = f"Too many: {len(value)}: must have at most {schema[keyword]} items"  # type: ignore[arg-type]
            causes.append(("FieldValueTooMany", path, text))

    return rule


def _pattern(causes: Causes, path: str, value: Any, schema: Object) -> None:
    try:
        broken = isinstance(value, str) and not re.search(schema["pattern"], value)
    except re.error:
        return  # Go's expressions know a few things that Python's do not
    if broken:
        causes.invalid(path, value, f"{path} in body should match '{schema['pattern']}'")


def _multiple(causes: Causes, path: str, value: Any, schema: Object) -> None:
    step = schema["multipleOf"]
    if isinstance(value, (int, float)) and step and not float(value / step).is_integer():
        causes.invalid(path, value, f"{path} in body should be a multiple of {schema['multipleOf']}")


def _list_type(causes: Causes, path: str, value: Any, schema: Object) -> None:
    """Items of a set, and the keys of a list that is a map, occur once."""
    kind, seen = schema["x-kubernetes-list-type"], []
    for index, item in enumerate(value if isinstance(value, list) and kind in ("set", "map") else ()):
        if kind == "map":
            keys = schema.get("x-kubernetes-list-map-keys") or ()
            item = {name: item[name] for name in keys if isinstance(item, dict) and name in item}
        if item in seen:
            causes.duplicate(f"{path}[{index}]", item)
        seen.append(item)


_RULES: dict[str, Callable[[Causes, str, Any, Object], None]] = {
    "enum": _enum,
    "maximum": _bound("maximum", "exclusiveMaximum", "less than"),
    "minimum": _bound("minimum", "exclusiveMinimum", "greater than"),
    "multipleOf": _multiple,
    "minLength": _limit("minLength", str, len, "<", "be at least {} chars long"),
    "maxLength": _longest,
    "pattern": _pattern,
    "minItems": _limit("minItems", list, len, "<", "have at least {} items"),
    "maxItems": _most("maxItems", list),
    "minProperties": _limit("minProperties", dict, len, "<", "have at least {} properties"),
    "maxProperties": _most("maxProperties", dict),
    "x-kubernetes-list-type": _list_type,
}


def _holds(value: Any, schema: Object) -> bool:
    causes = Causes()
    check(causes, "", value, schema)
    return not causes


def _alternatives(causes: Causes, path: str, value: Any, schema: Object) -> None:
    """``allOf``, ``anyOf``, ``oneOf`` and ``not``."""
    for part in schema.get("allOf") or ():
        check(causes, path, value, part)
    wrong: Iterable[str] = _broken_choices(path, value, schema)
    for text in wrong:
        causes.append(("FieldValueInvalid", path, f'Invalid value: "": {text}'))


def _broken_choices(path: str, value: Any, schema: Object) -> Iterable[str]:
    if schema.get("anyOf") and not any(_holds(value, part) for part in schema["anyOf"]):
        yield f'"{path}" must validate at least one schema (anyOf)'
    if schema.get("oneOf"):
        count = sum(_holds(value, part) for part in schema["oneOf"])
        if count != 1:
            found = "none valid" if not count else f"{count} valid alternatives"
            yield f'"{path}" must validate one and only one schema (oneOf). Found {found}'
    if schema.get("not") and _holds(value, schema["not"]):
        yield f'"{path}" must not validate the schema (not)'
