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
from raglab.pocket.errors import bad_request
from raglab.pocket.kinds.decoding import Field, Struct

DIRECTIVE, RETAIN = "$patch", "$retainKeys"
DELETE_FROM, SET_ORDER = "$deleteFromPrimitiveList/", "$setElementOrder/"


def merge(target: Object, patch: Object, struct: Struct | None) -> Object:
    """`target` with `patch` applied; both stay as they are. `struct` is their type, None where there is no schema."""
    action = patch.get(DIRECTIVE)
    if action == "replace":
        return {key: value for key, value in patch.items() if key != DIRECTIVE}
    if action == "delete":
        return {}
    if action not in (None, "merge"):
        raise bad_request(f"Unknown patch type: {action}")
    result = _retained(target, patch.get(RETAIN))
    for key, value in patch.items():
        if key.startswith(DELETE_FROM):
            name = key.removeprefix(DELETE_FROM)
            result[name] = [item for item in result.get(name) or [] if item not in value]
        elif not key.startswith("$"):
            _set(result, key, value, struct)
    for key, order in patch.items():
        if key.startswith(SET_ORDER):
            name = key.removeprefix(SET_ORDER)
            if isinstance(result.get(name), list):
                result[name] = _ordered(result[name], order, _key(struct, name))
    return result


def _retained(target: Object, names: list[str] | None) -> Object:
    return dict(target) if names is None else {key: value for key, value in target.items() if key in names}


def _field(struct: Struct | None, name: str) -> Field | None:
    return struct.fields.get(name) if struct else None


def _key(struct: Struct | None, name: str) -> str:
    field = _field(struct, name)
    return field.merge_key if field else ""


def _set(result: Object, name: str, value: Any, struct: Struct | None) -> None:
    """Merge one field of the patch into the result."""
    if value is None:
        result.pop(name, None)
        return
    field = _field(struct, name)
    inner = field.element if field else None
    if isinstance(value, dict):
        before = result.get(name)
        result[name] = merge(before if isinstance(before, dict) else {}, value, inner)
    elif isinstance(value, list) and field and "merge" in field.strategy:
        result[name] = _merge_list(result.get(name) or [], value, field.merge_key, inner)
    else:
        result[name] = value


def _merge_list(target: list[Any], patch: list[Any], key: str, struct: Struct | None) -> list[Any]:
    if any(isinstance(item, dict) and item.get(DIRECTIVE) == "replace" for item in patch):
        return [item for item in patch if not (isinstance(item, dict) and DIRECTIVE in item)]
    if not key:  # a set of plain values
        return [*target, *(item for item in patch if item not in target)]
    result = list(target)
    for item in patch:
        _merge_item(result, item, key, struct)
    return result


def _merge_item(result: list[Any], item: Any, key: str, struct: Struct | None) -> None:
    if not isinstance(item, dict) or key not in item:
        raise bad_request(f"map: {item} does not contain declared merge key: {key}")
    at = next((index for index, old in enumerate(result) if old.get(key) == item[key]), None)
    if item.get(DIRECTIVE) == "delete":
        if at is not None:
            del result[at]
    elif at is None:
        result.append(merge({}, item, struct))
    else:
        result[at] = merge(result[at], item, struct)


def _ordered(items: list[Any], order: list[Any], key: str) -> list[Any]:
    """`items` in the given order; those it does not name keep their place after the one they followed."""
    wanted = [entry.get(key) if isinstance(entry, dict) else entry for entry in order]
    identities = [item.get(key) if isinstance(item, dict) else item for item in items]
    rank = {identity: index for index, identity in enumerate(wanted)}
    places, last = [], -1.0
    for position, identity in enumerate(identities):
        last = rank.get(identity, last)
        places.append((last, identity not in rank, position))
    return [items[position] for _, _, position in sorted(places)]
