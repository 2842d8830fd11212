"""Label selectors: the text form (``-l 'app=x,tier in (a, b),!old'``) and the object form (``LabelSelector``).

Both become a tuple of requirements, all of which must hold. Grammar, precedence and error texts are those of
k8s.io/apimachinery, package ``labels``. Pure: controllers, scheduler, node and API server share it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from raglab.pocket.errors import bad_request

Labels = Mapping[str, str]

_TOKEN = re.compile(r"\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+|$)")
_SYMBOLS = frozenset(("==", "!=", "=", "!", "(", ")", ",", "<", ">", ""))
_COMPARISONS = {
    "=": "In",
    "==": "In",
    "in": "In",
    "!=": "NotIn",
    "notin": "NotIn",
    "gt": "Gt",
    ">": "Gt",
    "lt": "Lt",
    "<": "Lt",
}
_EXPECTED = "in, notin, =, ==, !=, gt, lt"
_NAME = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_DNS = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_KEY = re.compile(rf"({_DNS}/)?({_NAME})")
_VALUE = re.compile(rf"({_NAME})?")
_BAD_KEY = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    f"'{_NAME}')"
)
_BAD_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


class Requirement(NamedTuple):
    """One condition on one label. `operator` is In, NotIn, Exists, DoesNotExist, Gt or Lt."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()

    def holds(self, labels: Labels) -> bool:
        """Whether an object with these labels fulfils it."""
        value = labels.get(self.key)
        match self.operator:
            case "In":
                return value in self.values
            case "NotIn":
                return value not in self.values
            case "Exists":
                return value is not None
            case "DoesNotExist":
                return value is None
        return value is not None and self._compares(value)

    def _compares(self, value: str) -> bool:
        (bound,) = self.values
        if not re.fullmatch(r"[+-]?\d+", value):
            return False
        return int(value) > int(bound) if self.operator == "Gt" else int(value) < int(bound)


Selector = tuple[Requirement, ...]
"""The empty selector selects everything."""


def matches(selector: Selector, labels: Labels | None) -> bool:
    """Whether every requirement holds for `labels`."""
    labels = labels or {}
    return all(requirement.holds(labels) for requirement in selector)


def from_object(selector: Mapping[str, Any]) -> Selector:
    """Read a ``LabelSelector``. The caller decides what a missing one means (nothing, in most places)."""
    labels, rules = selector.get("matchLabels") or {}, selector.get("matchExpressions") or ()
    exact = [Requirement(key, "In", frozenset((value,))) for key, value in labels.items()]
    return (
        *exact,
        *(Requirement(rule["key"], rule["operator"], frozenset(rule.get("values") or ())) for rule in rules),
    )


def parse(text: str) -> Selector:
    """Read the text form; `StatusError` 400 in the words of a real server when it cannot be read."""
    return _Parser(_TOKEN.findall(text.strip())).selector()


def to_text(selector: Selector) -> str:
    """The canonical text form, ordered by key, as in the status of a Scale."""
    return ",".join(_text(requirement) for requirement in sorted(selector, key=lambda item: item.key))


def _text(requirement: Requirement) -> str:
    key, operator, values = requirement
    listed = ",".join(sorted(values))
    match operator:
        case "Exists":
            return key
        case "DoesNotExist":
            return f"!{key}"
        case "In" | "NotIn" if len(values) == 1:
            return f"{key}{'=' if operator == 'In' else '!='}{listed}"
        case "Gt" | "Lt":
            return f"{key}{'>' if operator == 'Gt' else '<'}{listed}"
    return f"{key} {operator.lower()} ({listed})"


class _Parser:
    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens

    def selector(self) -> Selector:
        found: list[Requirement] = []
        while True:
            if not self._peek() and not found:
                return ()
            if self._peek() != "!" and not self._is_word():
                raise bad_request(f"found '{self._peek()}', expected: !, identifier, or 'end of string'")
            found.append(self._requirement())
            separator = self._take()
            if not separator:
                return tuple(found)
            if separator != ",":
                raise bad_request(f"found '{separator}', expected: ',' or 'end of string'")
            if self._peek() != "!" and not self._is_word():
                raise bad_request(f"found '{self._peek()}', expected: identifier after ','")

    def _requirement(self) -> Requirement:
        absent = self._peek() == "!"
        if absent:
            self._take()
        if not self._is_word():
            raise _unparsable(f"found '{self._peek()}', expected: identifier")
        key = _checked_key(self._take())
        if absent:
            return Requirement(key, "DoesNotExist")
        if self._peek() in ("", ","):
            return Requirement(key, "Exists")
        word = self._take()
        if word not in _COMPARISONS:
            raise _unparsable(f"found '{word}', expected: {_EXPECTED}")
        values = self._set() if word in ("in", "notin") else frozenset((self._value(),))
        return _checked(Requirement(key, _COMPARISONS[word], values))

    def _value(self) -> str:
        """The word after an operator; ``app=`` asks for the empty value."""
        return self._take() if self._is_word() else ""

    def _set(self) -> frozenset[str]:
        if self._peek() != "(":
            raise _unparsable(f"found '{self._peek()}' expected: '('")
        self._take()
        values = {self._value()}
        while self._peek() == ",":
            self._take()
            values.add(self._value())
        if self._take() != ")":
            raise _unparsable("found '', expected: ',' or ')'")
        return frozenset(values)

    def _peek(self) -> str:
        return self._tokens[0] if self._tokens else ""

    def _is_word(self) -> bool:
        return self._peek() not in _SYMBOLS

    def _take(self) -> str:
        return self._tokens.pop(0) if self._tokens else ""


def _checked_key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise _unparsable(f'key: Invalid value: "{key}": {_BAD_KEY}')
    return key


def _checked(requirement: Requirement) -> Requirement:
    for index, value in enumerate(sorted(requirement.values)):
        if not _VALUE.fullmatch(value) or len(value) > 63:
            raise _unparsable(f'values[{index}][{requirement.key}]: Invalid value: "{value}": {_BAD_VALUE}')
        if requirement.operator in ("Gt", "Lt") and not re.fullmatch(r"[+-]?\d+", value):
            why = "for 'Gt', 'Lt' operators, the value must be an integer"
            raise _unparsable(f'values[{index}][{requirement.key}]: Invalid value: "{value}": {why}')
    return requirement


def _unparsable(why: str) -> Exception:
    return bad_request(f"unable to parse requirement: {why}")
