"""LimitRange at admission: what containers do not say is filled in, and what is too small or too large is refused.

Source: https://kubernetes.io/docs/concepts/policy/limit-range/; texts are those of the LimitRanger plugin.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from raglab.pocket.client import Object
from raglab.pocket.errors import not_admitted
from raglab.pocket.kinds.catalogue import Kind
from raglab.pocket.kinds.quantity import Quantity, read
from raglab.pocket.kinds.resources import Amounts, amounts, total
from raglab.pocket.store import Store

ANNOTATION = "kubernetes.io/limit-ranger"
_LISTS = {"containers": "container", "initContainers": "init container"}
_DEFAULTS = {"requests": "defaultRequest", "limits": "default"}


def complete(store: Store, pod: Object) -> None:
    """Give the containers of a new pod the defaults of its namespace, in place."""
    filled: list[str] = []
    for limits in _items(store, pod["metadata"]["namespace"], "Container"):
        for key, word in _LISTS.items():
            for container in pod["spec"].get(key) or ():
                filled += _complete(container, limits, word)
    if filled:
        annotations = pod["metadata"].get("annotations") or {}
        pod["metadata"]["annotations"] = annotations | {
            ANNOTATION: f"LimitRanger plugin set: {'; '.join(filled)}"
        }


def _complete(container: Object, limits: Object, word: str) -> Iterator[str]:
    """Fill in and say what."""
    resources = container.setdefault("resources", {})
    for which, source in _DEFAULTS.items():
        given = resources.get(which) or {}
        added = {name: text for name, text in (limits.get(source) or {}).items() if name not in given}
        if added:
            resources[which] = given | added
            yield f"{', '.join(sorted(added))} {which[:-1]} for {word} {container.get('name', '')}"


def check(store: Store, kind: Kind, obj: Object) -> None:
    """Refuse (403) a pod or a claim that breaks a limit of its namespace."""
    found = [
        complaint
        for type, asked, limited in _asking(kind, obj)
        for limits in _items(store, obj["metadata"]["namespace"], type)
        for complaint in _complaints(type, limits, asked, limited)
    ]
    if found:
        why = found[0] if len(found) == 1 else f"[{', '.join(found)}]"
        raise not_admitted(kind.plural, kind.group, obj["metadata"]["name"], why)


def _asking(kind: Kind, obj: Object) -> Iterator[tuple[str, Amounts, Amounts | None]]:
    """What limits apply to: type, requests, and limits (None where there is no such thing)."""
    if kind.plural == "persistentvolumeclaims":
        yield "PersistentVolumeClaim", amounts(obj["spec"].get("resources", {}).get("requests")), None
        return
    spec = obj["spec"]
    for container in [item for key in _LISTS for item in spec.get(key) or ()]:
        resources = container.get("resources") or {}
        yield "Container", amounts(resources.get("requests")), amounts(resources.get("limits"))
    yield "Pod", total(spec, "requests"), total(spec, "limits")


def _complaints(type: str, limits: Object, asked: Amounts, limited: Amounts | None) -> Iterator[str]:
    for name, text in sorted((limits.get("min") or {}).items()):
        rule = f"minimum {name} usage per {type} is {text}"
        yield from _bounded(rule, read(text), {"request": asked, "limit": limited or {}}, name, "request", -1)
    for name, text in sorted((limits.get("max") or {}).items()):
        rule = f"maximum {name} usage per {type} is {text}"
        needed = "request" if limited is None else "limit"
        sides = {"limit": limited or {}, "request": asked}
        yield from _bounded(rule, read(text), sides, name, needed, 1)
    for name, text in sorted((limits.get("maxLimitRequestRatio") or {}).items()):
        yield from _ratio(
            f"{name} max limit to request ratio per {type} is {text}", text, name, asked, limited or {}
        )


def _bounded(
    rule: str, bound: Quantity, sides: dict[str, Amounts], name: str, needed: str, sign: int
) -> Iterator[str]:
    """`needed` must be there; the first side beyond the bound is told."""
    if name not in sides[needed]:
        yield f"{rule}.  No {needed} is specified"
        return
    for side, listed in sides.items():
        if name in listed and (listed[name].value - bound.value) * sign > 0:
            yield f"{rule}, but {side} is {listed[name]}"
            return


def _ratio(rule: str, text: str, name: str, asked: Amounts, limited: Amounts) -> Iterator[str]:
    for word, listed in (("request", asked), ("limit", limited)):
        if name not in listed or not listed[name].value:
            yield f"{rule}, but no {word} is specified or {word} is 0"
            return
    ratio = limited[name].value / asked[name].value
    if ratio > read(text).value:
        yield f"{rule}, but provided ratio is {float(ratio):f}"


def _items(store: Store, namespace: str, type: str) -> Iterator[dict[str, Any]]:
    for record in store.records("/limitranges", namespace):
        yield from (item for item in record.object["spec"].get("limits") or () if item.get("type") == type)
