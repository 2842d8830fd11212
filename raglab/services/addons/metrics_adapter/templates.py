"""The templates of the rule file: Go's text/template between ``<<`` and ``>>``, as far as rules use it.

An action is a field (``.Series``, ``.LabelValuesByName.pod``) or ``index`` on one (``index .LabelValuesByName "pod"``,
``index .GroupBySlice 0``); ``<<-`` and ``->>`` trim the white space beside it. Everything else is refused when the
file is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from raglab.services.addons.metrics_adapter.config import ConfigError

Values = Mapping[str, Any]
_ACTION = re.compile(r"<<(- )?\s*(.*?)\s*( -)?>>", re.DOTALL)
_FIELD = re.compile(r"\.(\w+)(?:\.(\w+))?")
_INDEX = re.compile(r'index\s+\.(\w+)\s+(?:"([^"]*)"|(\d+))')


class Template:
    """A parsed template; `fields` are the names it may use."""

    def __init__(self, text: str, fields: frozenset[str]) -> None:
        self._parts: list[str | Callable[[Values], str]] = []
        self._fields, self._text, position, trim = fields, text, 0, False
        for match in _ACTION.finditer(text):
            plain = text[position : match.start()]
            plain = plain.lstrip() if trim else plain
            self._parts += [plain.rstrip() if match[1] else plain, self._action(match[2])]
            position, trim = match.end(), bool(match[3])
        self._parts.append(text[position:].lstrip() if trim else text[position:])

    def render(self, values: Values) -> str:
        """The text with `values` filled in."""
        return "".join(part if isinstance(part, str) else part(values) for part in self._parts)

    def _action(self, action: str) -> Callable[[Values], str]:
        if match := _FIELD.fullmatch(action):
            name, key = self._known(match[1]), match[2]
            return lambda values: _field(values[name], key)
        if match := _INDEX.fullmatch(action):
            name, key, position = self._known(match[1]), match[2], match[3]
            return lambda values: _element(values[name], key, position)
        raise ConfigError(
            f"template {self._text!r}: <<{action}>> is not understood; a field such as <<.Series>> or "
            '<<index .LabelValuesByName "pod">> is'
        )

    def _known(self, field: str) -> str:
        if field not in self._fields:
            raise ConfigError(
                f"template {self._text!r}: there is no field .{field} among {sorted(self._fields)}"
            )
        return field


def _field(value: Any, key: str | None) -> str:
    """Go prints lists in brackets, maps as ``map[key:value]``, and says so where a map has no such key."""
    if key is not None:
        return str(value.get(key, "<no value>")) if isinstance(value, Mapping) else "<no value>"
    if isinstance(value, Mapping):
        return f"map[{' '.join(f'{name}:{value[name]}' for name in sorted(value))}]"
    return f"[{' '.join(value)}]" if isinstance(value, list) else str(value)


def _element(value: Any, key: str | None, position: str | None) -> str:
    if isinstance(value, Mapping):
        return str(value.get(key, ""))
    return value[int(position)] if position and int(position) < len(value) else ""
