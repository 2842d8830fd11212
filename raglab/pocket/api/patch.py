"""The three kinds of patch: JSON patch (RFC 6902), merge patch (RFC 7386) and Kubernetes' strategic merge patch."""

from __future__ import annotations

from typing import Any

import jsonpatch
import jsonpointer
import orjson

from raglab.pocket.api import strategic
from raglab.pocket.client import CONTENT_TYPES, Object
from raglab.pocket.errors import StatusError, bad_request
from raglab.pocket.kinds.decoding import Struct
from raglab.pocket.kinds.gotext import go_value
from raglab.pocket.kinds.schema import DecodeError

JSON, MERGE, STRATEGIC = CONTENT_TYPES["json"], CONTENT_TYPES["merge"], CONTENT_TYPES["strategic"]
MOST_OPERATIONS, MOST_COPIED = 10_000, 3 * 1024 * 1024
"""Of a JSON patch: operations, and bytes that its copies may add (the real server's limits)."""


def apply(obj: Object, patch: Any, content_type: str, struct: Struct | None) -> Object:
    """A patched copy of `obj`, which shares unchanged parts with it. `struct` is its type, for strategic patches."""
    if content_type == JSON:
        return _json(obj, patch)
    if content_type not in (MERGE, STRATEGIC):
        raise StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type")
    if not isinstance(patch, dict):
        found = {list: "array", str: "string", bool: "bool"}.get(type(patch), "number")
        raise bad_request(f"json: cannot unmarshal {found} into Go value of type map[string]interface {{}}")
    if content_type == MERGE:
        merged: Object = merge(obj, patch)
        return merged
    return strategic.merge(obj, patch, struct)


def merge(target: Any, patch: Any) -> Any:
    """RFC 7386: maps are merged, null deletes, everything else replaces."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def _json(obj: Object, operations: Any) -> Object:
    """Apply a list of operations, or none of them. A real server does not say which one failed, or why."""
    if not isinstance(operations, list):
        raise bad_request("json: cannot unmarshal object into Go value of type jsonpatch.Patch")
    if len(operations) > MOST_OPERATIONS:
        text = f"The allowed maximum operations in a JSON patch is {MOST_OPERATIONS}, got {len(operations)}"
        raise _too_large(text)
    try:
        result = _operated(orjson.loads(orjson.dumps(obj)), operations)
    except (
        jsonpatch.JsonPatchException,
        jsonpointer.JsonPointerException,
        TypeError,
        KeyError,
        AttributeError,
    ):
        text = "the server rejected our request due to an error in our request"
        raise StatusError(422, "Invalid", text) from None
    if not isinstance(result, dict):
        raise bad_request("json: cannot unmarshal the patched document into an object")
    return result


def _operated(obj: Any, operations: list[Any]) -> Any:
    """One operation after the other, in place. Copies of copies would double with each of them: they have a limit."""
    copied = 0
    for operation in operations:
        if operation["op"] == "copy":
            source = jsonpointer.JsonPointer(operation["from"]).resolve(obj)
            copied += len(orjson.dumps(source))
            if copied > MOST_COPIED:
                text = f"the accumulated size increase of copy is {copied}, exceeding the limit {MOST_COPIED}"
                raise _too_large(f"Unable to complete the copy, {text}")
        obj = jsonpatch.JsonPatch([operation]).apply(obj, in_place=True)
    return obj


def _too_large(text: str) -> StatusError:
    return StatusError(413, "RequestEntityTooLarge", f"Request entity too large: {text}")


def unknown_fields(change: Any, content_type: str, unknown: list[str]) -> StatusError:
    """422 for a patch that brings fields the kind does not have. `change` is shown: the patch if it is a strategic
    one, else the patched object.
    """
    return _invalid(change, content_type, f"strict decoding error: {', '.join(unknown)}")


def undecodable(change: Any, content_type: str, error: DecodeError) -> StatusError:
    """422 for a patch after which the object cannot be decoded."""
    return _invalid(change, content_type, error.conversion if content_type == STRATEGIC else error.message)


def _invalid(change: Any, content_type: str, why: str) -> StatusError:
    shown = (
        go_value(_without_lists(change))
        if content_type == STRATEGIC
        else orjson.dumps(change, option=orjson.OPT_SORT_KEYS).decode()
    )
    text = f"Invalid value: {_quoted(shown)}: {why}"
    details = {"causes": [{"reason": "FieldValueInvalid", "message": text, "field": "patch"}]}
    return StatusError(422, "Invalid", f' "" is invalid: patch: {text}', details)


def _without_lists(value: Any) -> Any:
    """A real server has taken the lists out of a strategic patch by the time it prints it."""
    if not isinstance(value, dict):
        return value
    return {key: _without_lists(part) for key, part in value.items() if not isinstance(part, list)}


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
