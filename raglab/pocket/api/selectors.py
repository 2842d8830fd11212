"""Which objects a list, a watch or a deletion of a collection is about: label selector, field selector, namespace.

Field selectors know only the few fields that a real server indexes; which ones, and how it refuses others, differs by
kind (``pkg/apis/*/v1/conversion.go`` of Kubernetes).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from raglab.pocket import selectors
from raglab.pocket.client import Object
from raglab.pocket.errors import StatusError, bad_request
from raglab.pocket.kinds.catalogue import Kind

Test = Callable[[Object], bool]
ALWAYS = ("metadata.name", "metadata.namespace")
_EVENT = tuple(
    f"involvedObject.{name}"
    for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
)
FIELDS: dict[str, tuple[str, ...]] = {
    "/pods": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    ),
    "/events": (*_EVENT, "reason", "reportingComponent", "source", "type"),
    "/nodes": ("spec.unschedulable",),
    "/namespaces": ("status.phase",),
    "/secrets": ("type",),
    "/services": ("spec.clusterIP", "spec.type"),
    "/replicationcontrollers": ("status.replicas",),
    "batch/jobs": ("status.successful",),
}
"""Beside name and namespace, by shelf. Kinds that are not here refuse others in a wording of their own."""
_TERM = re.compile(r"([^=!]+)(==|=|!=)(.*)", re.DOTALL)


class Filter(NamedTuple):
    """What a request asks for. `None` for `test` means everything in `namespace` ("" is every namespace)."""

    namespace: str
    test: Test | None

    def accepts(self, obj: Object) -> bool:
        """Whether the request is about this object."""
        if self.namespace and obj["metadata"].get("namespace") != self.namespace:
            return False
        return self.test is None or self.test(obj)


def compile(kind: Kind, namespace: str, labels: str = "", fields: str = "") -> Filter:
    """Read both selectors; `StatusError` 400 for one that cannot be read."""
    wanted = selectors.parse(labels)
    terms = [_term(kind, text) for text in _split(fields)]
    if not wanted and not terms:
        return Filter(namespace, None)

    def test(obj: Object) -> bool:
        return all(term(obj) for term in terms) and selectors.matches(wanted, obj["metadata"].get("labels"))

    return Filter(namespace, test)


def _split(text: str) -> list[str]:
    """Terms between commas; a backslash keeps a comma, an equals sign or a backslash from its meaning."""
    return [term for term in re.split(r"(?<!\\),", text) if term.strip()]


def _term(kind: Kind, text: str) -> Test:
    parts = _TERM.fullmatch(text)
    if parts is None:
        raise bad_request(f"invalid selector: '{text}'; can't understand '{text}'")
    field, operator, value = (part.strip() for part in parts.groups())
    known = kind.custom.selectable if kind.custom else FIELDS.get(kind.storage_key, ())
    if field not in ALWAYS and field not in known:
        raise _unsupported(kind, field)
    value, steps = re.sub(r"\\(.)", r"\1", value), field.split(".")
    if operator == "!=":
        return lambda obj: _text(_at(obj, steps)) != value
    return lambda obj: _text(_at(obj, steps)) == value


def _unsupported(kind: Kind, field: str) -> StatusError:
    if kind.storage_key == "batch/jobs":
        return bad_request(f'field label "{field}" not supported for Job')
    if kind.custom or kind.storage_key in FIELDS:
        return bad_request(f"field label not supported: {field}")
    known = ", ".join(f'"{name}"' for name in ALWAYS)
    return bad_request(f'"{field}" is not a known field selector: only {known}')


def _at(obj: Object, steps: list[str]) -> Any:
    value: Any = obj
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    if value is None and steps[-1] in ("unschedulable", "hostNetwork"):
        return False
    return value


def _text(value: Any) -> str:
    """As Go would print the field: missing is empty, an Event's source is its component, a list of IPs is joined."""
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case {"component": component}:
            return str(component)
        case dict():
            return ""
        case list() if all(isinstance(item, dict) and "ip" in item for item in value):
            return ",".join(item["ip"] for item in value)
    return str(value)
