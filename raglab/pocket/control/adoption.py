"""Who belongs to whom: a controller manages the objects that name it as their controller, adopts matching
strays, and
lets go of those whose labels no longer match its selector.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from raglab.pocket.client import Object
from raglab.pocket.control.reconcile import Plan, View
from raglab.pocket.informer import Key, key_of
from raglab.pocket.objects import (
    controller_of,
    is_controlled_by,
    is_deleting,
    is_finished,
    labels_of,
    owner_reference,
    selects,
)


def claim(
    view: View,
    resource: str,
    owner: Object,
    result: Plan,
    eligible: Callable[[Object], bool] = lambda _: True,
) -> list[Object]:
    """Objects of `resource` that `owner` controls; adoptions and releases are added to the plan.

    Only strays for which `eligible` is true are adopted.
    """
    mine = []
    for obj in view[resource].list(owner["metadata"]["namespace"]):
        fits = selects(owner["spec"]["selector"], labels_of(obj))
        if is_controlled_by(obj, owner):
            if fits or is_deleting(owner):
                mine.append(obj)
            else:
                result.patch(resource, obj, _without(obj, owner))
        elif fits and _is_stray(obj) and eligible(obj) and not is_deleting(owner):
            result.patch(resource, obj, _owned_too(obj, owner))
            mine.append(obj)
    return mine


def _is_stray(obj: Object) -> bool:
    return controller_of(obj) is None and not is_deleting(obj) and not is_finished(obj)


def _owned_too(obj: Object, owner: Object) -> Object:
    """A patch that adds `owner`, bound to this very object by its uid."""
    refs = [*obj["metadata"].get("ownerReferences", ()), owner_reference(owner)]
    return {"metadata": {"uid": obj["metadata"]["uid"], "ownerReferences": refs}}


def _without(obj: Object, owner: Object) -> Object:
    refs = [ref for ref in obj["metadata"]["ownerReferences"] if ref["uid"] != owner["metadata"]["uid"]]
    return {"metadata": {"uid": obj["metadata"]["uid"], "ownerReferences": refs}}


def itself(view: View, obj: Object) -> Iterable[Key]:
    """A trigger: a change in an object concerns the object."""
    return [key_of(obj)]


def nobody(view: View, obj: Object) -> Iterable[Key]:
    """A trigger for resources that are only read."""
    return []


def owner_or_adopters(resource: str, kind: str) -> Callable[[View, Object], Iterable[Key]]:
    """A trigger: a change concerns the controller of this kind, or, for a stray, all that might adopt it."""

    def concerned(view: View, obj: Object) -> Iterable[Key]:
        namespace, ref = obj["metadata"]["namespace"], controller_of(obj)
        if ref is not None:
            return [(namespace, ref["name"])] if ref["kind"] == kind else []
        candidates = view[resource].list(namespace)
        return [key_of(item) for item in candidates if selects(item["spec"].get("selector"), labels_of(obj))]

    return concerned
