"""A short diff at the end of "may not be changed" messages, so that one sees what was about to change."""

from __future__ import annotations

import difflib
import json
from typing import Any

_CONTEXT = 3


CLAIM: dict[str, Any] = {
    "accessModes": None,
    "selector": None,
    "resources": {"limits": None, "requests": None},
    "volumeName": "",
    "storageClassName": None,
    "volumeMode": None,
    "dataSource": None,
    "dataSourceRef": None,
    "volumeAttributesClassName": None,
}
"""A claim's empty spec, in the order of the API server's own type (pkg/apis/core/types.go)."""


def difference(old: Any, new: Any, empty: dict[str, Any] | None = None) -> str:
    """A unified diff of both values as JSON with Go's field names; begins and ends with a newline.

    A real server prints its internal structs with all their fields. Where `empty` does not tell these, line numbers
    and neighbouring empty fields differ from ours.
    """
    before, after = (
        json.dumps(_go_names(_filled(value, empty)), indent=1, sort_keys=empty is None).splitlines()
        for value in (old, new)
    )
    lines = list(difflib.unified_diff(before, after, lineterm="", n=_CONTEXT))[2:]
    return "\n" + "\n".join(lines) + "\n"


def _filled(value: Any, empty: Any) -> Any:
    """`value` with the fields that it lacks, all in the order of `empty`."""
    if not isinstance(empty, dict):
        return value
    known = {key: _filled(value.get(key, nothing), nothing) for key, nothing in empty.items()}
    return known | {key: item for key, item in value.items() if key not in empty}


def _go_names(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: _go_names(item) for key, item in value.items()}
    return [_go_names(item) for item in value] if isinstance(value, list) else value
