"""Namespace: when it is deleted, everything in it goes first."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from raglab.pocket.client import Object
from raglab.pocket.control.adoption import itself
from raglab.pocket.control.copies import DEFINITIONS, View, defined
from raglab.pocket.control.reconcile import Controller, Plan
from raglab.pocket.informer import Key
from raglab.pocket.objects import is_deleting, phase

FINALIZER = "kubernetes"
"""In ``spec.finalizers`` of every Namespace until it is empty."""


def controller(resources: Iterable[str]) -> Controller:
    """`resources` are those that live in namespaces."""
    fixed = tuple(resources)

    def plan(view: View, key: Key, now: float) -> Plan:
        result = Plan()
        namespace = view["namespaces"].get(key[1])
        if namespace is None or not is_deleting(namespace):
            return result
        if phase(namespace) != "Terminating":
            result.patch("namespaces", namespace, {"status": {"phase": "Terminating"}}, subresource="status")
        added = {item.resource for item in defined(view) if item.namespaced}
        contents = [*fixed, *sorted(added & view.keys())]
        left = [(resource, obj) for resource in contents for obj in view[resource].list(key[1])]
        for resource, obj in left:
            if not is_deleting(obj):
                result.delete(resource, obj)
        if not left and added <= view.keys():
            _finish(namespace, result)
        return result

    triggers: dict[str, Callable[[View, Object], Iterable[Key]]] = dict.fromkeys(fixed, _terminating)
    triggers |= {"namespaces": itself, DEFINITIONS: _every_terminating}
    return Controller("namespace-controller", plan, triggers, custom=_terminating)


def _finish(namespace: Object, result: Plan) -> None:
    finalizers = namespace["spec"].get("finalizers", [])
    if FINALIZER in finalizers:
        kept = [item for item in finalizers if item != FINALIZER]
        result.update("namespaces", namespace | {"spec": {"finalizers": kept}}, "finalize")


def _every_terminating(view: View, definition: Object) -> Iterable[Key]:
    """A trigger: a new kind of contents."""
    return [("", item["metadata"]["name"]) for item in view["namespaces"] if is_deleting(item)]


def _terminating(view: View, obj: Object) -> Iterable[Key]:
    """A trigger: what happens in a namespace matters only while it is being emptied."""
    namespace = view["namespaces"].get(obj["metadata"].get("namespace", ""))
    return [("", namespace["metadata"]["name"])] if namespace and is_deleting(namespace) else []
