"""Strategic merge patch: a merge patch that knows which lists are sets and which are maps in disguise.

Which is which stands in the schemas (``x-kubernetes-patch-strategy`` and ``-merge-key``). Directives inside a patch:

- ``$patch: replace | delete | merge`` in a map says what to do with the whole map, or with the list item it matches;
- ``$retainKeys`` lists the keys of a map that stay;
- ``$deleteFromPrimitiveList/NAME`` removes values from the list NAME;
- ``$setElementOrder/NAME`` gives the order of the merged list NAME.

Source: Kubernetes design document "Strategic Merge Patch", and k8s.io/apimachinery/pkg/util/strategicpatch.
"""

from __future__ import annotations

from typing import Any

from raglab.pocket.client import Object
from raglab.pocket.errors import StatusError, bad_request
from raglab.pocket.kinds.decoding import Field, Struct

DIRECTIVE, RETAIN = "$patch", "$retainKeys"
DELETE_FROM, SET_ORDER = "$deleteFromPrimitiveList/", "$setElementOrder/"


def merge(target: Object, patch: Object, struct: Struct | None) -> Object:
    """`target` with `patch` applied; both stay as they are. `struct` is their type, None where there is no schema."""
    match patch.get(DIRECTIVE):
        case "replace":
            return {key: value for key, value in patch.items() if key != DIRECTIVE}
        case "delete":
            return {}
        case None | "merge":
            return _merge_fields(target, patch, struct)
        case other:
            raise bad_request(f"unknown patch type found: {other}")


def _merge_fields(target: Object, patch: Object, struct: Struct | None) -> Object:
    result = _retained(target, patch)
    for key, value in patch.items():
        if key.startswith(DELETE_FROM):
            name = key.removeprefix(DELETE_FROM)
            if isinstance(result.get(name), list):
                result[name] = [item for item in result[name] if item not in _listed(value, "primitive list")]
    for key, value in patch.items():
        if not key.startswith("$"):
            _set(result, key, value, struct.fields.get(key) if struct else None)
    for key, order in patch.items():
        name = key.removeprefix(SET_ORDER)
        if name != key and isinstance(result.get(name), list):
            field = struct.fields.get(name) if struct else None
            result[name] = _ordered(result[name], order, field.merge_key if field else "")
    return result


def _retained(target: Object, patch: Object) -> Object:
    if RETAIN not in patch:
        return dict(target)
    kept = _listed(patch[RETAIN], "retainKeys")
    dropped = [key for key in patch if not key.startswith("$") and key not in kept]
    if any(patch[key] is not None for key in dropped):
        raise bad_request(f"{RETAIN} must contain all keys that the patch sets")
    return {key: value for key, value in target.items() if key in kept}


def _listed(value: Any, what: str) -> list[Any]:
    """The list that a directive must bring."""
    if not isinstance(value, list):
        raise bad_request(f"invalid patch format of {what}")
    return value


def _set(result: Object, name: str, value: Any, field: Field | None) -> None:
    """Merge one field of the patch into the result."""
    before, inner = result.get(name), field.element if field else None
    if value is None:
        result.pop(name, None)
    elif isinstance(value, dict):
        result[name] = merge(before if isinstance(before, dict) else {}, value, inner)
    elif isinstance(value, list) and field and "merge" in field.strategy:
        result[name] = _merge_list(before or [], value, field.merge_key, inner)
    else:
        result[name] = value


def _merge_list(target: list[Any], patch: list[Any], key: str, struct: Struct | None) -> list[Any]:
    if not key:  # a set of plain values
        return [*target, *(item for item in patch if item not in target)]
    if any(isinstance(item, dict) and item.get(DIRECTIVE) == "replace" for item in patch):
        return [item for item in patch if DIRECTIVE not in item]
    result = list(target)
    for item in patch:
        _merge_item(result, item, key, struct)
    return result


def _merge_item(result: list[Any], item: Any, key: str, struct: Struct | None) -> None:
    if not isinstance(item, dict) or key not in item:
        raise _no_key(item, key)
    at = next((index for index, old in enumerate(result) if old.get(key) == item[key]), None)
    if item.get(DIRECTIVE) == "delete":
        if at is not None:
            del result[at]
    elif at is None:
        result.append(merge({}, item, struct))
    else:
        result[at] = merge(result[at], item, struct)


def _no_key(item: Any, key: str) -> StatusError:
    return bad_request(f"map: {item} does not contain declared merge key: {key}")


def _ordered(items: list[Any], order: Any, key: str) -> list[Any]:
    """`items` in the given order; those it does not name stay behind the item that they followed."""
    names = [item.get(key) if isinstance(item, dict) else item for item in items]
    listed = _listed(order, "setElementOrder list")
    ranked = [entry.get(key) if isinstance(entry, dict) else entry for entry in listed]
    if any(isinstance(name, (dict, list)) for name in ranked):
        raise bad_request("invalid patch format of setElementOrder list")
    rank = {name: place for place, name in enumerate(ranked)}
    places, behind = [], -1
    for position, name in enumerate(names):
        behind = rank.get(name, behind)
        places.append((behind, name not in rank, position))
    return [items[position] for _, _, position in sorted(places)]
