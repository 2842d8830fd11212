"""Garbage collector: removes objects whose owners are gone, and carries out the two slower ways to delete
an owner.

Keys are uids here, for an owner reference may point across resources. Deleting in the *foreground* keeps
the owner, with a finalizer, until the dependents that block it are gone; *orphan* cuts the dependents loose
before the owner goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import NamedTuple

from raglab.pocket.client import Object
from raglab.pocket.control.reconcile import Controller, Plan, Reference, View
from raglab.pocket.informer import Key
from raglab.pocket.objects import is_deleting

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"


class Found(NamedTuple):
    """An object and the resource it is one of."""

    resource: str
    obj: Object


def controller(kinds: Mapping[tuple[str, str], tuple[str, bool]]) -> Controller:
    """`kinds` gives, by API version and kind, each resource that can own or be owned, and whether it has
    namespaces.
    """
    resources = sorted({resource for resource, _ in kinds.values()})
    trigger = partial(_concerned, resources)
    return Controller(
        "garbage-collector", partial(_plan, kinds, resources), dict.fromkeys(resources, trigger)
    )


def _find(resources: list[str], view: View, uid: str) -> Found | None:
    for resource in resources:
        if (obj := view[resource].by_uid(uid)) is not None:
            return Found(resource, obj)
    return None


def _dependents(resources: list[str], view: View, uid: str) -> list[Found]:
    return [Found(resource, obj) for resource in resources for obj in view[resource].owned(uid)]


def _concerned(resources: list[str], view: View, obj: Object) -> Iterable[Key]:
    """A trigger: an object's end concerns its dependents, a dependent's end its owners."""
    uid, refs = obj["metadata"]["uid"], obj["metadata"].get("ownerReferences", ())
    leaving = is_deleting(obj) or _find(resources, view, uid) is None
    if refs or leaving:
        yield "", uid
    if leaving:
        yield from (("", item.obj["metadata"]["uid"]) for item in _dependents(resources, view, uid))
        yield from (("", ref["uid"]) for ref in refs)


def _plan(
    kinds: Mapping[tuple[str, str], tuple[str, bool]], resources: list[str], view: View, key: Key, now: float
) -> Plan:
    result = Plan()
    found = _find(resources, view, key[1])
    if found is None:
        return result
    if is_deleting(found.obj):
        _finish_owner(found, _dependents(resources, view, key[1]), result)
    elif found.obj["metadata"].get("ownerReferences"):
        _judge_dependent(kinds, resources, view, found, result)
    return result


def _finish_owner(owner: Found, dependents: list[Found], result: Plan) -> None:
    finalizers, uid = owner.obj["metadata"].get("finalizers", []), owner.obj["metadata"]["uid"]
    if ORPHAN in finalizers:
        for item in dependents:
            result.patch(item.resource, item.obj, _references(item.obj, without={uid}))
        _drop_finalizer(owner, ORPHAN, result)
    elif FOREGROUND in finalizers and not any(_blocks(item.obj, uid) for item in dependents):
        _drop_finalizer(owner, FOREGROUND, result)


def _blocks(dependent: Object, uid: str) -> bool:
    refs = dependent["metadata"]["ownerReferences"]
    return any(ref["uid"] == uid and ref.get("blockOwnerDeletion") for ref in refs)


def _drop_finalizer(found: Found, finalizer: str, result: Plan) -> None:
    kept = [item for item in found.obj["metadata"]["finalizers"] if item != finalizer]
    patch = {"metadata": {"uid": found.obj["metadata"]["uid"], "finalizers": kept}}
    result.patch(found.resource, found.obj, patch)


def _references(obj: Object, without: set[str]) -> Object:
    """A patch that removes owner references, bound to this very object by its uid."""
    kept = [ref for ref in obj["metadata"]["ownerReferences"] if ref["uid"] not in without]
    return {"metadata": {"uid": obj["metadata"]["uid"], "ownerReferences": kept}}


def _judge_dependent(
    kinds: Mapping[tuple[str, str], tuple[str, bool]],
    resources: list[str],
    view: View,
    dependent: Found,
    result: Plan,
) -> None:
    """Delete a dependent that no owner holds any more; else forget those owners that are gone."""
    holding: set[str] = set()
    waiting: set[str] = set()
    gone: dict[str, Reference] = {}
    for ref in dependent.obj["metadata"]["ownerReferences"]:
        owner = _find(resources, view, ref["uid"])
        if owner is not None:
            is_waiting = is_deleting(owner.obj) and FOREGROUND in owner.obj["metadata"].get("finalizers", ())
            (waiting if is_waiting else holding).add(ref["uid"])
        elif (known := kinds.get((ref["apiVersion"], ref["kind"]))) is None:
            holding.add(ref["uid"])  # of a kind nobody serves: it cannot be known to be gone
        else:
            namespace = dependent.obj["metadata"].get("namespace", "") if known[1] else ""
            gone[ref["uid"]] = Reference(known[0], namespace, ref["name"], ref["uid"])
    if not gone and not waiting:
        return
    if holding:
        result.patch(
            dependent.resource, dependent.obj, _references(dependent.obj, without=waiting | gone.keys())
        )
        return
    blocked = bool(_dependents(resources, view, dependent.obj["metadata"]["uid"])) and bool(waiting)
    propagation = "Foreground" if blocked else "Background"
    result.delete(dependent.resource, dependent.obj, propagation=propagation, unless=tuple(gone.values()))
