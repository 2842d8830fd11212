"""The part of JSONPath that printer columns use: ``.spec.groups[0].name``, ``.status.conditions[?(@.type=="Ready")]``.

Also names in brackets (``['a.b']``), escaped dots (``a\\.b``), ``[*]`` and negative indexes. Anything else is a
`ValueError` when the path is compiled.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Step = Callable[[Any], Iterable[Any]]
Path = Callable[[Any], list[Any]]
_TOKEN = re.compile(
    r"""
    \.?(?P<name>(?:[^.\[\]\\]|\\.)+)                                  # .name, dots in it escaped
    | \.?\[(?P<quote>['"])(?P<quoted>.*?)(?P=quote)\]                 # ['name']
    | \.?\[(?P<index>-?\d+)\]                                         # [0]
    | \.?\[(?P<all>\*)\]                                              # [*]
    | \.?\[\?\(\s*@\.(?P<field>[\w.]+)\s*(?P<operator>==|!=)\s*
      (?P<mark>['"]?)(?P<value>[^'"]*?)(?P=mark)\s*\)\]               # [?(@.field=="value")]
    """,
    re.VERBOSE,
)


def compile(path: str) -> Path:
    """A function from a value to everything that `path` finds in it."""
    steps = [_step(token) for token in _tokens(path)]

    def find(value: Any) -> list[Any]:
        found = [value]
        for step in steps:
            found = [inner for item in found for inner in step(item)]
        return found

    return find


def names(path: str) -> tuple[str, ...]:
    """The fields of a path that consists of names only; `ValueError` for any other."""
    tokens = list(_tokens(path))
    if any(token["name"] is None and token["quoted"] is None for token in tokens):
        raise ValueError(f"{path} is not a path of fields")
    return tuple(_name(token) for token in tokens)


def _tokens(path: str) -> Iterator[re.Match[str]]:
    path = path.removeprefix("{").removesuffix("}").removeprefix("$")
    at = 0
    while at < len(path):
        token = _TOKEN.match(path, at)
        if token is None:
            raise ValueError(f"{path[at:]} is not part of a JSONPath that is understood here")
        yield token
        at = token.end()


def _name(token: re.Match[str]) -> str:
    return token["quoted"] if token["name"] is None else re.sub(r"\\(.)", r"\1", token["name"])


def _step(token: re.Match[str]) -> Step:
    if token["index"] is not None:
        index = int(token["index"])
        return lambda value: value[index : index + 1 or None] if isinstance(value, list) else ()
    if token["all"]:
        return lambda value: value if isinstance(value, list) else ()
    if token["field"]:
        steps, wanted, equal = token["field"].split("."), token["value"], token["operator"] == "=="
        return lambda value: (item for item in _items(value) if (_text(item, steps) == wanted) == equal)
    name = _name(token)
    return lambda value: (value[name],) if isinstance(value, dict) and value.get(name) is not None else ()


def _items(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else ()


def _text(value: Any, steps: list[str]) -> str:
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return str(value).lower() if isinstance(value, bool) else str(value)
