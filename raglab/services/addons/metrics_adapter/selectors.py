"""Label selectors of requests: read as Kubernetes writes them, and turned into Prometheus matchers.

What Prometheus cannot express exactly is refused rather than approximated: a query with other results would make an
autoscaler act on the wrong numbers.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

_SET = re.compile(r"([^\s,!=<>()]+)\s+(in|notin)\s*\(([^()]*)\)")
_PAIR = re.compile(r"([^\s,!=<>()]+)\s*(==|=|!=|>|<)\s*([^\s,!=<>()]*)")
_KEY = re.compile(r"(!?)\s*([^\s,!=<>()]+)")
_ITEM = re.compile(r"(?:[^,(]|\([^)]*\))+")


class SelectorError(ValueError):
    """The selector cannot be read, or Prometheus has nothing like it."""


@dataclass(frozen=True)
class Requirement:
    """One condition; `operator` is one of ``=``, ``!=``, ``in``, ``notin``, ``exists``, ``!``, ``>``, ``<``."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matcher(self) -> str:
        """The same condition in PromQL; several values become one regular expression."""
        if self.operator in ("<", ">"):
            raise SelectorError("operator not supported by prometheus")
        if self.operator in ("exists", "!"):
            return f'{self.key}{"!=" if self.operator == "exists" else "="}""'
        symbol = {"=": "=", "!=": "!=", "in": "=~", "notin": "!~"}[self.operator]
        return f"{self.key}{symbol}{quote('|'.join(self.values))}"


def quote(value: str) -> str:
    """A string literal of PromQL."""
    return json.dumps(value, ensure_ascii=False)


def parse(text: str) -> tuple[Requirement, ...]:
    """The conditions of a selector, sorted by key as Kubernetes does; `SelectorError` if it cannot be read."""
    return tuple(sorted(map(_requirement, _ITEM.findall(text)), key=lambda item: item.key))


def as_object(selector: tuple[Requirement, ...]) -> dict[str, Any] | None:
    """The selector as answers carry it; None for an empty one."""
    if not selector:
        return None
    names = {"in": "In", "notin": "NotIn", "!=": "NotIn", "exists": "Exists", "!": "DoesNotExist"}
    equal = {item.key: item.values[0] for item in selector if item.operator == "="}
    others = [
        {"key": item.key, "operator": names[item.operator]}
        | ({"values": list(item.values)} if item.values else {})
        for item in selector
        if item.operator in names
    ]
    return ({"matchLabels": equal} if equal else {}) | ({"matchExpressions": others} if others else {})


def _requirement(text: str) -> Requirement:
    text = text.strip()
    if match := _SET.fullmatch(text):
        return Requirement(
            match[1], match[2], tuple(sorted({value.strip() for value in match[3].split(",")}))
        )
    if match := _PAIR.fullmatch(text):
        return Requirement(match[1], "=" if match[2] == "==" else match[2], (match[3],))
    if match := _KEY.fullmatch(text):
        return Requirement(match[2], "!" if match[1] else "exists")
    raise SelectorError(f"unable to parse requirement: {text!r}")
