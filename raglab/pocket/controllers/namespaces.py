"""Namespace: when it is deleted, everything in it goes first."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from raglab.pocket.client import Object
from raglab.pocket.control.adoption import itself
from raglab.pocket.control.copies import DEFINITIONS, View, defined
from raglab.pocket.control.reconcile import Controller, Plan
from raglab.pocket.informer import Key
from raglab.pocket.objects import condition, is_deleting, phase, with_condition

FAILURE = "NamespaceDeletionDiscoveryFailure"
_FINE = (
    (
        "NamespaceDeletionGroupVersionParsingFailure",
        "False",
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    (
        "NamespaceDeletionContentFailure",
        "False",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    ("NamespaceContentRemaining", "False", "ContentRemoved", "All content successfully removed"),
    (
        "NamespaceFinalizersRemaining",
        "False",
        "ContentHasNoFinalizers",
        "All content-preserving finalizers finished",
    ),
)
"""The other conditions of a namespace that has nothing left but cannot be sure of it: type, status, reason, message."""
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
        dead = _dead(view)
        if dead:
            _tell(namespace, dead, bool(left), result, now)
        elif not left and added <= view.keys():
            _finish(namespace, result)
        return result

    triggers: dict[str, Callable[[View, Object], Iterable[Key]]] = dict.fromkeys(fixed, _terminating)
    triggers |= {"namespaces": itself, DEFINITIONS: _every_terminating, "apiservices": _every_terminating}
    return Controller("namespace-controller", plan, triggers, custom=_terminating)


def _dead(view: View) -> list[str]:
    """Group-versions of which nobody can say what they have in a namespace: their server does not answer."""
    services = (item for item in view["apiservices"] if item["spec"].get("service"))
    dead = (item["spec"] for item in services if (condition(item, "Available") or {}).get("status") != "True")
    return sorted(f"{spec['group']}/{spec['version']}" for spec in dead)


def _tell(namespace: Object, dead: list[str], filled: bool, result: Plan, now: float) -> None:
    """Say in the status why the namespace stays, as a real controller does."""
    failures = ", ".join(f"{name}: stale GroupVersion discovery: {name}" for name in dead)
    why = f"unable to retrieve the complete list of server APIs: {failures}"
    text = f"Discovery failed for some groups, {len(dead)} failing: {why}"
    conditions = (namespace.get("status") or {}).get("conditions", [])
    for type, status, reason, message in (
        (FAILURE, "True", "DiscoveryFailed", text),
        *(() if filled else _FINE),
    ):
        new = {"type": type, "status": status, "reason": reason, "message": message}
        conditions = with_condition(conditions, new, now)
    result.status("namespaces", namespace, {"phase": "Terminating", "conditions": conditions})


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
