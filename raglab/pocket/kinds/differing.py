"""A short diff at the end of "may not be changed" messages, so that one sees what was about to change."""

from __future__ import annotations

import difflib
import json
from typing import Any

_CONTEXT = 3


def difference(old: Any, new: Any) -> str:
    """A unified diff of both values as JSON with Go's field names; begins and ends with a newline.

    A real server prints its internal structs, so line numbers and neighbouring empty fields differ from ours.
    """
    before, after = (
        json.dumps(_go_names(value), indent=1, sort_keys=True).splitlines() for value in (old, new)
    )
    lines = list(difflib.unified_diff(before, after, lineterm="", n=_CONTEXT))[2:]
    return "\n" + "\n".join(lines) + "\n"


def _go_names(value: Any) -> Any:
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: _go_names(item) for key, item in value.items()}
    return [_go_names(item) for item in value] if isinstance(value, list) else value
