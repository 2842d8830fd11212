"""Namespace: when it is deleted, everything in it goes first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from raglab.pocket.client import Object
from raglab.pocket.control.adoption import itself
from raglab.pocket.control.copies import DEFINITIONS, View, defined
from raglab.pocket.control.reconcile import Controller, Plan
from raglab.pocket.informer import Key
from raglab.pocket.objects import condition, is_deleting, phase, seconds, with_condition

FINE = {
    "NamespaceDeletionDiscoveryFailure": ("ResourcesDiscovered", "All resources successfully discovered"),
    "NamespaceDeletionGroupVersionParsingFailure": (
        "ParsedGroupVersions",
        "All legacy kube types successfully parsed",
    ),
    "NamespaceDeletionContentFailure": (
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    "NamespaceContentRemaining": ("ContentRemoved", "All content successfully removed"),
    "NamespaceFinalizersRemaining": (
        "ContentHasNoFinalizers",
        "All content-preserving finalizers finished",
    ),
}
"""The conditions of a namespace that cannot go yet, with reason and message while they are False."""
FINALIZER = "kubernetes"
"""In ``spec.finalizers`` of every Namespace until it is empty."""


Troubles = dict[str, tuple[str, str]]
"""Conditions that are True, with reason and message."""
Contents = list[tuple[str, Object]]
"""Objects, each with the name of its resource."""


def controller(resources: Mapping[str, str], grace: float = 0.0) -> Controller:
    """`resources` are those that live in namespaces, with their groups; emptying one begins after `grace` seconds."""
    fixed = tuple(resources)

    def plan(view: View, key: Key, now: float) -> Plan:
        result = Plan()
        namespace = view["namespaces"].get(key[1])
        if namespace is None or not is_deleting(namespace):
            return result
        if phase(namespace) != "Terminating":
            result.patch("namespaces", namespace, {"status": {"phase": "Terminating"}}, subresource="status")
        if (early := seconds(namespace["metadata"]["deletionTimestamp"]) + grace - now) > 0:
            result.look_again(early)
            return result
        added = {item.resource for item in defined(view) if item.namespaced}
        contents = [*fixed, *sorted(added & view.keys())]
        left = [(resource, obj) for resource in contents for obj in view[resource].list(key[1])]
        doomed = [(resource, obj) for resource, obj in left if not is_deleting(obj)]
        for resource, obj in doomed:
            result.delete(resource, obj)
        troubles = _discovery(_dead(view))
        if not doomed:
            troubles |= _remaining([(_dotted(resources, resource), obj) for resource, obj in left])
        if troubles:
            _tell(namespace, troubles, result, now)
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


def _discovery(dead: list[str]) -> Troubles:
    if not dead:
        return {}
    failures = ", ".join(f"{name}: stale GroupVersion discovery: {name}" for name in dead)
    why = f"unable to retrieve the complete list of server APIs: {failures}"
    text = f"Discovery failed for some groups, {len(dead)} failing: {why}"
    return {"NamespaceDeletionDiscoveryFailure": ("DiscoveryFailed", text)}


def _dotted(resources: Mapping[str, str], resource: str) -> str:
    """``pods.``, ``deployments.apps``, ``widgets.example.com``: how the messages name a resource."""
    return f"{resource}.{resources[resource]}" if resource in resources else resource


def _remaining(left: Contents) -> Troubles:
    """What is still there, and what it waits for."""
    finalizers = Counter(name for _, obj in left for name in obj["metadata"].get("finalizers", ()))
    found: Troubles = {}
    if left:
        counted = sorted(Counter(name for name, _ in left).items())
        text = ", ".join(f"{name} has {count} resource instances" for name, count in counted)
        found["NamespaceContentRemaining"] = ("SomeResourcesRemain", f"Some resources are remaining: {text}")
    if finalizers:
        text = ", ".join(
            f"{name} in {count} resource instances" for name, count in sorted(finalizers.items())
        )
        why = f"Some content in the namespace has finalizers remaining: {text}"
        found["NamespaceFinalizersRemaining"] = ("SomeFinalizersRemain", why)
    return found


def _tell(namespace: Object, troubles: Troubles, result: Plan, now: float) -> None:
    """Say in the status why the namespace stays, as a real controller does."""
    conditions = (namespace.get("status") or {}).get("conditions", [])
    for type, fine in FINE.items():
        reason, message = troubles.get(type, fine)
        new = {"type": type, "status": str(type in troubles), "reason": reason, "message": message}
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
