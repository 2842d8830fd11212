"""Label and field selectors in their string form, as in ``-l 'app=x,tier in (a,b),!old'`` and ``--field-selector``.

Grammar and error texts: k8s.io/apimachinery, packages ``labels`` and ``fields``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from raglab.pocket.client import Object
from raglab.pocket.errors import bad_request
from raglab.pocket.kinds.catalogue import Kind

Match = Callable[[Object], bool]

_TOKEN = re.compile(r"\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)")
_OPERATORS = "in, notin, =, ==, !=, gt, lt"


def matcher(kind: Kind, labels: str, fields: str) -> Match:
    """One test for both selectors; 400 for one that cannot be read."""
    tests = [*label_tests(labels), *field_tests(kind, fields)]
    return lambda obj: all(test(obj) for test in tests)


def label_tests(text: str) -> list[Match]:
    """One test per requirement."""
    tokens = _TOKEN.findall(text) if text.strip() else []
    tests = []
    while tokens:
        tests.append(_requirement(tokens))
        if tokens and tokens.pop(0) != ",":
            raise bad_request(f"unable to parse requirement: unexpected text in {text!r}, expected: ','")
    return tests


def _requirement(tokens: list[str]) -> Match:
    key = tokens.pop(0)
    if key == "!":
        absent = _take(tokens, "identifier")
        return lambda obj: absent not in _labels(obj)
    if not re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?", key):
        raise bad_request(
            f"unable to parse requirement: found '{key}', expected: !, identifier, or 'end of string'"
        )
    if not tokens or tokens[0] == ",":
        return lambda obj: key in _labels(obj)
    return _comparison(key, tokens.pop(0), tokens)


def _comparison(key: str, operator: str, tokens: list[str]) -> Match:
    match operator:
        case "=" | "==":
            value = _value(tokens)
            return lambda obj: _labels(obj).get(key) == value
        case "!=":
            value = _value(tokens)
            return lambda obj: _labels(obj).get(key) != value
        case "in":
            values = _set(tokens)
            return lambda obj: _labels(obj).get(key) in values
        case "notin":
            values = _set(tokens)
            return lambda obj: _labels(obj).get(key) not in values
        case "<" | "lt" | ">" | "gt":
            return _numeric(key, operator in ("<", "lt"), _take(tokens, "integer"))
    raise bad_request(f"unable to parse requirement: found '{operator}', expected: {_OPERATORS}")


def _numeric(key: str, below: bool, bound: str) -> Match:
    if not bound.lstrip("-").isdigit():
        why = "for 'Gt', 'Lt' operators, the value must be an integer"
        raise bad_request(f"unable to parse requirement: values[0][{key}]: Invalid value: {bound!r}: {why}")

    def test(obj: Object) -> bool:
        value = _labels(obj).get(key, "")
        if not value.lstrip("-").isdigit():
            return False
        return int(value) < int(bound) if below else int(value) > int(bound)

    return test


def _take(tokens: list[str], expected: str) -> str:
    if not tokens:
        raise bad_request(f"unable to parse requirement: found '', expected: {expected}")
    return tokens.pop(0)


def _value(tokens: list[str]) -> str:
    """The word after an equals sign; ``app=`` asks for the empty value."""
    return tokens.pop(0) if tokens and tokens[0] != "," else ""


def _set(tokens: list[str]) -> frozenset[str]:
    if _take(tokens, "'('") != "(":
        raise bad_request("unable to parse requirement: expected: '('")
    values: list[str] = []
    while (word := _take(tokens, "',' or ')'")) != ")":
        if word != ",":
            values.append(word)
    return frozenset(values or [""])


def _labels(obj: Object) -> Mapping[str, str]:
    return obj["metadata"].get("labels") or {}


FIELDS: dict[str, tuple[str, ...]] = {
    "pods": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "events": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    "nodes": ("spec.unschedulable",),
    "namespaces": ("status.phase",),
    "secrets": ("type",),
    "services": ("spec.clusterIP", "spec.type"),
    "jobs": ("status.successful",),
    "replicasets": ("status.replicas",),
    "replicationcontrollers": ("status.replicas",),
}
"""Fields that may be selected on, beside name and namespace, as on a real server."""


def field_tests(kind: Kind, text: str) -> list[Match]:
    """One test per term; 400 for a field that cannot be selected on."""
    return [_field_test(kind, term) for term in text.split(",") if term.strip()]


def _field_test(kind: Kind, term: str) -> Match:
    parts = re.fullmatch(r"\s*([^=!]+?)\s*(==|=|!=)\s*(.*?)\s*", term)
    if parts is None:
        raise bad_request(f"invalid selector: '{term}'; can't understand '{term}'")
    field, operator, value = parts.groups()
    if field not in ("metadata.name", "metadata.namespace", *FIELDS.get(kind.plural, ())):
        raise bad_request(f"field label not supported: {field}")
    path = field.split(".")
    if operator == "!=":
        return lambda obj: _at(obj, path) != value
    return lambda obj: _at(obj, path) == value


def _at(obj: Object, path: list[str]) -> str:
    """The value at a path as text; a missing one is empty, as in Go."""
    value: Any = obj
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    if isinstance(value, dict):  # an Event's source is selected on by its component
        value = value.get("component")
    if isinstance(value, bool) or (value is None and path[-1] in ("unschedulable", "hostNetwork")):
        return "true" if value else "false"
    return "" if value is None else str(value)
