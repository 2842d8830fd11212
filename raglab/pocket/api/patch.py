"""The three kinds of patch: JSON patch (RFC 6902), merge patch (RFC 7386) and Kubernetes' own strategic merge patch."""

from __future__ import annotations

import copy
from typing import Any

import jsonpatch
import jsonpointer

from raglab.pocket.api import strategic
from raglab.pocket.client import Object
from raglab.pocket.errors import StatusError, bad_request
from raglab.pocket.kinds.catalogue import Kind
from raglab.pocket.kinds.schema import DecodeError, Schemas

JSON = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
CONTENT_TYPES = {"json": JSON, "merge": MERGE, "strategic": STRATEGIC}


def apply(schemas: Schemas, kind: Kind, obj: Object, patch: Any, content_type: str) -> Object:
    """A patched copy of `obj`."""
    if content_type == JSON:
        return _json(obj, patch)
    if not isinstance(patch, dict):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}"
        )
    if content_type == MERGE:
        return merge(obj, patch)
    return strategic.merge(obj, patch, schemas.root(kind))


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
    """Apply a list of operations, or none of them."""
    if not isinstance(operations, list):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch"
        )
    try:
        result: Object = jsonpatch.JsonPatch(operations).apply(copy.deepcopy(obj))
    except jsonpatch.JsonPatchTestFailed as error:
        raise StatusError(
            422, "Invalid", f"the server rejected our request due to an error in our request: {error}"
        ) from None
    except (jsonpatch.JsonPatchException, jsonpointer.JsonPointerException, TypeError, KeyError) as error:
        raise StatusError(
            422, "Invalid", f"the server rejected our request due to an error in our request: {error}"
        ) from None
    return result


def unknown_fields(change: Any, content_type: str, unknown: list[str]) -> StatusError:
    """422 for a patch that brings fields the kind does not have."""
    return _invalid(change, content_type, f"strict decoding error: {', '.join(unknown)}")


def undecodable(change: Any, content_type: str, error: DecodeError) -> StatusError:
    """The refusal of a patch after which the object cannot be decoded."""
    if content_type == STRATEGIC and error.conversion:
        return _invalid(change, content_type, error.conversion)
    return error


def _invalid(change: Any, content_type: str, why: str) -> StatusError:
    shown = _without_lists(change) if content_type == STRATEGIC else change
    text = f"Invalid value: {_quoted(go_map(shown))}: {why}"
    details = {"causes": [{"reason": "FieldValueInvalid", "message": text, "field": "patch"}]}
    return StatusError(422, "Invalid", f' "" is invalid: patch: {text}', details)


def _without_lists(value: Any) -> Any:
    """A real server has taken the lists out of a strategic patch by the time it prints it."""
    if not isinstance(value, dict):
        return value
    return {key: _without_lists(part) for key, part in value.items() if not isinstance(part, list)}


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def go_map(value: Any) -> str:
    """A value as Go's ``fmt`` prints it: ``map[spec:map[replicas:2]]``, keys sorted."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_map(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(go_map(item) for item in value) + "]"
    if value is None:
        return "<nil>"
    return str(value).lower() if isinstance(value, bool) else str(value)
