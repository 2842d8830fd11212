"""Garbage collector: removes objects whose owners are gone, and carries out the two slower ways to delete
an owner.

Keys are uids here, for an owner reference may point across resources. Deleting in the *foreground* keeps
the owner, with a finalizer, until the dependents that block it are gone; *orphan* cuts the dependents loose
before the owner goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from raglab.pocket.client import Object
from raglab.pocket.control.copies import DEFINITIONS, View, defined, versions
from raglab.pocket.control.reconcile import Controller, Plan, Reference
from raglab.pocket.informer import Key
from raglab.pocket.objects import is_deleting

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"


class Found(NamedTuple):
    """An object and the resource it is one of."""

    resource: str
    obj: Object


class Resources:
    """Every resource that can own or be owned: fixed ones, and the custom ones that the view has copies of."""

    def __init__(self, fixed: Mapping[tuple[str, str], tuple[str, bool]], view: View) -> None:
        custom = {
            (item.api_version, item.kind): (item.resource, item.namespaced)
            for item in defined(view)
            if item.resource in view
        }
        self._kinds = {**fixed, **custom}
        self._view = view
        self._names = dict.fromkeys(resource for resource, _ in self._kinds.values())

    def find(self, uid: str) -> Found | None:
        """The object with this uid."""
        for resource in self._names:
            if (obj := self._view[resource].by_uid(uid)) is not None:
                return Found(resource, obj)
        return None

    def dependents(self, uid: str) -> list[Found]:
        """The objects that name it as an owner."""
        return [Found(resource, obj) for resource in self._names for obj in self._view[resource].owned(uid)]

    def owned_by(self, kinds: set[tuple[str, str]]) -> Iterator[Object]:
        """The objects that have an owner of one of `kinds`."""
        for resource in self._names:
            for obj in self._view[resource]:
                refs = obj["metadata"].get("ownerReferences", ())
                if any((ref.get("apiVersion"), ref.get("kind")) in kinds for ref in refs):
                    yield obj

    def reference(self, ref: Object, namespace: str) -> Reference | None:
        """Where the owner that `ref` names would be; None if nobody serves its kind."""
        known = self._kinds.get((ref["apiVersion"], ref["kind"]))
        return known and Reference(known[0], namespace if known[1] else "", ref["name"], ref["uid"])


def controller(kinds: Mapping[tuple[str, str], tuple[str, bool]]) -> Controller:
    """`kinds` gives, by API version and kind, each resource that can own or be owned, and whether it has
    namespaces. Custom resources are found by their definitions.
    """

    def plan(view: View, key: Key, now: float) -> Plan:
        return _plan(Resources(kinds, view), key[1])

    def concerned(view: View, obj: Object) -> Iterable[Key]:
        return _concerned(Resources(kinds, view), obj)

    def of_definition(view: View, definition: Object) -> Iterable[Key]:
        yield from concerned(view, definition)
        served = {(item.api_version, item.kind) for item in versions(definition)}
        owned = Resources(kinds, view).owned_by(served)
        yield from (("", obj["metadata"]["uid"]) for obj in owned)

    triggers = {resource: concerned for resource, _ in kinds.values()} | {DEFINITIONS: of_definition}
    return Controller("garbage-collector", plan, triggers, custom=concerned)


def _concerned(known: Resources, obj: Object) -> Iterable[Key]:
    """A trigger: an object's end concerns its dependents, a dependent's end its owners."""
    uid, refs = obj["metadata"]["uid"], obj["metadata"].get("ownerReferences", ())
    leaving = is_deleting(obj) or known.find(uid) is None
    if refs or leaving:
        yield "", uid
    if leaving:
        yield from (("", item.obj["metadata"]["uid"]) for item in known.dependents(uid))
        yield from (("", ref["uid"]) for ref in refs)


def _plan(known: Resources, uid: str) -> Plan:
    result = Plan()
    found = known.find(uid)
    if found is None:
        return result
    if is_deleting(found.obj):
        _finish_owner(found, known.dependents(uid), result)
    elif found.obj["metadata"].get("ownerReferences"):
        _judge_dependent(known, found, result)
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


def _judge_dependent(known: Resources, dependent: Found, result: Plan) -> None:
    """Delete a dependent that no owner holds any more; else forget those owners that are gone."""
    holding: set[str] = set()
    waiting: set[str] = set()
    gone: dict[str, Reference] = {}
    meta = dependent.obj["metadata"]
    for ref in meta["ownerReferences"]:
        owner = known.find(ref["uid"])
        if owner is not None:
            is_waiting = is_deleting(owner.obj) and FOREGROUND in owner.obj["metadata"].get("finalizers", ())
            (waiting if is_waiting else holding).add(ref["uid"])
        elif (where := known.reference(ref, meta.get("namespace", ""))) is None:
            holding.add(ref["uid"])  # of a kind nobody serves: it cannot be known to be gone
        else:
            gone[ref["uid"]] = where
    if not gone and not waiting:
        return
    if holding:
        result.patch(
            dependent.resource, dependent.obj, _references(dependent.obj, without=waiting | gone.keys())
        )
        return
    blocked = bool(known.dependents(meta["uid"])) and bool(waiting)
    propagation = "Foreground" if blocked else "Background"
    result.delete(dependent.resource, dependent.obj, propagation=propagation, unless=tuple(gone.values()))
