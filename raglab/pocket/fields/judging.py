"""What is wrong with an applied configuration, in the words of a real server.

An applier may say nothing that the schema does not know: who owned it?
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from raglab.pocket.fields import sets
from raglab.pocket.fields.atoms import UNDECLARED, Atom, Deduced, Listing, Mapping
from raglab.pocket.kinds.gotext import go_syntax, go_value

PYTHON_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "numeric": (int, float),
    "boolean": bool,
    "untyped": (str, int, float, bool),
}
GO_TYPES = {dict: "map[string]interface {}", list: "[]interface {}", str: "string", bool: "bool"}


def faults(value: Any, atom: Atom, path: str = "") -> Iterator[str]:
    """What is wrong with `value`: path and reason."""
    if value is None or isinstance(atom, Deduced):
        return
    if isinstance(atom, Mapping):
        wrong = _in_map(value, atom, path)
    elif isinstance(atom, Listing):
        wrong = _in_list(value, atom, path)
    else:
        wrong = (f"{path}: {reason}" for reason in _in_scalar(value, atom.scalar))
    yield from wrong


def _in_map(value: Any, atom: Mapping, path: str) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{path}: expected map, got &{{{go_value(value)}}}"
        return
    for name in sorted(value):
        inner = atom.at(name)[1]
        if inner is UNDECLARED:
            yield f"{path}.{name}: field not declared in schema"
            return
        yield from faults(value[name], inner, f"{path}.{name}")


def _in_list(value: Any, atom: Listing, path: str) -> Iterator[str]:
    if not isinstance(value, list):
        yield f"{path}: expected list, got &{{{go_value(value)}}}"
        return
    seen: set[str] = set()
    for index, item in enumerate(value):
        if atom.atomic:
            yield from faults(item, atom.element, f"{path}[{index}]")
            continue
        if reason := _not_told_apart(item, atom):
            yield f"{path}: element {index}: {reason}"
            return
        key = sets.step(atom.key(item))
        if key in seen:
            yield f"{path}: duplicate entries for key {key}"
        seen.add(key)
        yield from faults(item, atom.element, path + key)


def _not_told_apart(item: Any, atom: Listing) -> str:
    """Why an item has no path of its own, or ""."""
    if atom.keys:
        if not isinstance(item, dict):
            what = "a null element" if item is None else "non-map elements"
            return f"associative list with keys may not have {what}"
        missing = [key for key in atom.keys if key not in item and key not in atom.defaults]
        told = "associative list with keys has an element that omits key field"
        return f'{told} "{missing[0]}" (and doesn\'t have default value)' if missing else ""
    if isinstance(item, dict):
        return "associative list without keys has an element that's a map type"
    if isinstance(item, list):
        return "not supported: associative list with lists as elements"
    return "associative list without keys has an element that's an explicit null" if item is None else ""


def _in_scalar(value: Any, scalar: str) -> Iterator[str]:
    if isinstance(value, PYTHON_TYPES[scalar]) and (scalar != "numeric" or not isinstance(value, bool)):
        return
    if scalar == "numeric":
        yield f"expected numeric (int or float), got {GO_TYPES[type(value)]}"
    elif scalar == "string":
        yield f"expected string, got &value.valueUnstructured{{Value:{go_syntax(value)}}}"
    else:
        wanted = "boolean" if scalar == "boolean" else "any scalar"
        yield f"expected {wanted}, got &{{{go_value(value)}}}"


def told(faults: list[str]) -> str:
    """Several faults as one text."""
    return faults[0] if len(faults) == 1 else "\n".join(["errors:", *(f"  {fault}" for fault in faults)])
