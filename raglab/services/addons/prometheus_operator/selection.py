"""Which monitors and rules a Prometheus takes: label selectors, on the object and on its namespace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Object = dict[str, Any]
Labels = Mapping[str, str]


def matches(selector: Object | None, labels: Labels) -> bool:
    """Whether a label selector takes something with these labels. None takes nothing, an empty one takes all."""
    if selector is None:
        return False
    exact = (selector.get("matchLabels") or {}).items()
    return all(labels.get(name) == value for name, value in exact) and all(
        _holds(item, labels) for item in selector.get("matchExpressions") or ()
    )


def _holds(item: Object, labels: Labels) -> bool:
    key, values = item["key"], item.get("values") or ()
    return bool(
        {
            "In": key in labels and labels[key] in values,
            "NotIn": labels.get(key) not in values,
            "Exists": key in labels,
            "DoesNotExist": key not in labels,
        }[item["operator"]]
    )


def chosen(
    prometheus: Object, prefix: str, objects: Iterable[Object], namespaces: Mapping[str, Labels]
) -> list[Object]:
    """The objects that `prometheus` selects by its fields ``PREFIXSelector`` and ``PREFIXNamespaceSelector``.

    `namespaces` are the labels of all namespaces. Without a namespace selector only the Prometheus' own counts.
    """
    spec, home = prometheus["spec"], prometheus["metadata"]["namespace"]
    places = spec.get(f"{prefix}NamespaceSelector")
    allowed = (
        {home} if places is None else {name for name, labels in namespaces.items() if matches(places, labels)}
    )
    selector = spec.get(f"{prefix}Selector")
    return [
        obj
        for obj in sorted(objects, key=_key)
        if obj["metadata"]["namespace"] in allowed and matches(selector, obj["metadata"].get("labels") or {})
    ]


def _key(obj: Object) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]
