"""Variables of a dashboard: which values they offer, which are chosen, and how they enter queries and texts.

Kinds and formats as in https://grafana.com/docs/grafana/latest/dashboards/variables/ (query, custom, interval,
datasource, constant, textbox). A query variable may ask ``label_values(label)`` or ``label_values(selector, label)``.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

ALL = "$__all"
Ask = Callable[[str, str], Awaitable[list[str]]]
"""``await ask(label, selector)`` gives the values of a label in Prometheus, sorted."""
_REFERENCE = re.compile(r"\$\{(\w+)(?::(\w+))?\}|\[\[(\w+)\]\]|\$(\w+)")
_LABEL_VALUES = re.compile(r"\s*label_values\((?:(.+),)?\s*([a-zA-Z_]\w*)\s*\)\s*", re.DOTALL)
_SPECIAL = re.compile(r"[\\^$*+?.()|\[\]{}]")


class VariableError(ValueError):
    """A variable that this service cannot fill; the message says why."""


@dataclass(frozen=True)
class Variable:
    """One variable with its choice. `options` maps values to the texts a person sees."""

    name: str
    options: Mapping[str, str]
    chosen: tuple[str, ...]
    label: str = ""
    multi: bool = False
    include_all: bool = False
    all_value: str = ""
    hidden: bool = False
    free: bool = False
    """Whether any text may be typed instead of choosing one."""
    error: str = ""

    @property
    def values(self) -> tuple[str, ...]:
        """What is chosen, with All replaced by all options."""
        return tuple(self.options) if ALL in self.chosen else self.chosen

    def text(self, style: str = "") -> str:
        """The choice in one of Grafana's formats; by default as a PromQL regular expression if it can be several."""
        if ALL in self.chosen and self.all_value:
            return self.all_value
        if style in _STYLES:
            return _STYLES[style](self.values)
        return _pattern(self.values) if self.multi or self.include_all else ",".join(self.values)

    def data(self) -> dict[str, Any]:
        """For the page."""
        shown = {"label": self.label or self.name, "chosen": list(self.chosen), "error": self.error}
        every = [{"value": ALL, "text": "All"}] if self.include_all else []
        options = every + [{"value": value, "text": text} for value, text in self.options.items()]
        return shown | {"name": self.name, "multi": self.multi, "free": self.free, "options": options}


def _pattern(values: Sequence[str]) -> str:
    """Alternatives, escaped for a regular expression inside a PromQL string (there a backslash is written twice)."""
    escaped = [_SPECIAL.sub(lambda found: "\\\\" + found[0], value) for value in values]
    return escaped[0] if len(escaped) == 1 else f"({'|'.join(escaped)})"


_STYLES: dict[str, Callable[[Sequence[str]], str]] = {
    "raw": ",".join,
    "csv": ",".join,
    "pipe": "|".join,
    "regex": _pattern,
    "text": " + ".join,
}


@dataclass
class Scope:
    """What ``$name`` means: built-in values and the variables resolved so far."""

    built_in: dict[str, str] = field(default_factory=dict)
    variables: dict[str, Variable] = field(default_factory=dict)

    def fill(self, text: str) -> str:
        """`text` with its references replaced; unknown ones are left, as Grafana leaves them."""

        def replace(found: re.Match[str]) -> str:
            name = found[1] or found[3] or found[4]
            if name in self.variables:
                return self.variables[name].text(found[2] or "")
            return self.built_in.get(name, found[0])

        return _REFERENCE.sub(replace, text)

    def with_built_in(self, more: Mapping[str, str]) -> Scope:
        """The same variables with further built-in values."""
        return Scope(self.built_in | dict(more), self.variables)


async def resolve(
    definitions: Sequence[Mapping[str, Any]], chosen: Mapping[str, Sequence[str]], scope: Scope, ask: Ask
) -> None:
    """Add every variable to `scope`, in order, because later ones may refer to earlier ones.

    `chosen` are the values of the URL; without one, the dashboard's own choice counts, else the first option.
    """
    for definition in definitions:
        options, error = {}, ""
        try:
            options = await _options(definition, scope, ask)
        except VariableError as problem:
            error = str(problem)
        variable = _variable(definition, options, chosen.get(definition["name"], ()), error)
        scope.variables[variable.name] = variable


async def _options(definition: Mapping[str, Any], scope: Scope, ask: Ask) -> dict[str, str]:
    kind = definition.get("type")
    if kind == "query":
        return await _queried(definition, scope, ask)
    if kind == "datasource":
        return {"prometheus": "Prometheus"}
    if kind in ("custom", "interval"):
        return _written(str(definition.get("query", "")))
    if kind in ("constant", "textbox"):
        return {str(definition.get("query", "")): str(definition.get("query", ""))}
    raise VariableError(f"Variables of type {kind!r} exist in Grafana only.")


async def _queried(definition: Mapping[str, Any], scope: Scope, ask: Ask) -> dict[str, str]:
    raw = definition.get("query", "")
    query = scope.fill(str(raw.get("query", "") if isinstance(raw, dict) else raw))
    found = _LABEL_VALUES.fullmatch(query)
    if not found:
        raise VariableError(f"Only label_values(…) is understood here, not {query!r}.")
    values = await ask(found[2], (found[1] or "").strip())
    pattern = str(definition.get("regex") or "").strip("/")
    matches = [re.search(pattern, value) for value in values]
    names = [match[1] if match.re.groups else match.string for match in matches if match]
    return {name: name for name in dict.fromkeys(sorted(names, key=_natural))}


def _natural(text: str) -> list[tuple[int, int, str]]:
    """Orders gpu2 before gpu10."""
    return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in re.findall(r"\d+|\D+", text)]


def _written(query: str) -> dict[str, str]:
    """``1m,5m`` or ``one : 1, two : 2``."""
    options = {}
    for item in filter(None, (part.strip() for part in query.split(","))):
        text, _, value = item.partition(" : ")
        options[(value or text).strip()] = text.strip()
    return options


def _variable(
    definition: Mapping[str, Any], options: dict[str, str], chosen: Sequence[str], error: str
) -> Variable:
    own = (definition.get("current") or {}).get("value") or ()
    own = [own] if isinstance(own, str) else list(own)
    free, include_all = definition.get("type") == "textbox", bool(definition.get("includeAll"))
    allowed = {*options, ALL} if include_all else {*options}
    wanted = [ALL if value == "All" and include_all else value for value in chosen]
    fallback = [value for value in own if value in allowed] or ([ALL] if include_all else list(options)[:1])
    picked = (wanted if free else [value for value in wanted if value in allowed]) or fallback
    multi = bool(definition.get("multi"))
    return Variable(
        name=str(definition["name"]),
        options=options,
        chosen=(ALL,) if ALL in picked else tuple(picked if multi else picked[:1]),
        label=str(definition.get("label") or ""),
        multi=multi,
        include_all=include_all,
        all_value=str(definition.get("allValue") or ""),
        hidden=definition.get("hide") == 2,
        free=free,
        error=error,
    )
