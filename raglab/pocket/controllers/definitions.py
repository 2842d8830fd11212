"""CustomResourceDefinition: its names are accepted unless another of its group has them, and established once; when
it is deleted, its objects go first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from raglab.pocket.client import Object
from raglab.pocket.control.copies import DEFINITIONS, View
from raglab.pocket.control.reconcile import Controller, Plan
from raglab.pocket.informer import Key
from raglab.pocket.kinds.custom import ESTABLISHED, TERMINATING, is_true
from raglab.pocket.objects import is_deleting, with_condition

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"
ACCEPTED = "NamesAccepted"
_LISTED = ("shortNames", "categories")


def _plan(view: View, key: Key, now: float) -> Plan:
    result = Plan()
    definition = view[DEFINITIONS].get(key[1])
    if definition is None:
        return result
    if is_deleting(definition):
        _clean_up(view, definition, result, now)
    else:
        result.status(DEFINITIONS, definition, _named(view, definition, now))
    return result


def _named(view: View, definition: Object, now: float) -> Object:
    """The status of a definition whose names have been compared with those of its group."""
    wanted, status = definition["spec"]["names"], dict(definition.get("status", {}))
    conditions = status.get("conditions", [])
    taken = _taken(view, definition)
    conflict = next(((field, name) for field, name in _claims(wanted) if name in taken), None)
    if conflict:
        field, name = conflict
        reason, text = f"{field[0].upper()}{field[1:]}Conflict", f'"{name}" is already in use'
        conditions = _set(conditions, ACCEPTED, "False", reason, text, now)
        if not is_true(definition, ESTABLISHED):
            text = "not all names are accepted"
            conditions = _set(conditions, ESTABLISHED, "False", "NotAccepted", text, now)
        accepted = status.get("acceptedNames", {"plural": "", "kind": ""})
    else:
        conditions = _set(conditions, ACCEPTED, "True", "NoConflicts", "no conflicts found", now)
        if not is_true(definition, ESTABLISHED):
            text = "the initial names have been accepted"
            conditions = _set(conditions, ESTABLISHED, "True", "InitialNamesAccepted", text, now)
        accepted = wanted
    return status | {
        "acceptedNames": accepted,
        "conditions": conditions,
        "storedVersions": _stored(definition),
    }


def _set(
    conditions: list[Object], type: str, status: str, reason: str, message: str, now: float
) -> list[Object]:
    new = {"message": message, "reason": reason, "status": status, "type": type}
    return with_condition(conditions, new, now)


def _claims(names: Object) -> Iterator[tuple[str, str]]:
    for field in ("plural", "singular", "kind", "listKind"):
        if names.get(field):
            yield field, names[field]
    for name in names.get("shortNames") or ():
        yield "shortNames", name


def _taken(view: View, definition: Object) -> set[str]:
    """Names in use by the other definitions of the group."""
    group, name = definition["spec"]["group"], definition["metadata"]["name"]
    others = [item for item in view[DEFINITIONS] if item["spec"]["group"] == group]
    return {
        claimed
        for item in others
        if item["metadata"]["name"] != name and is_true(item, ACCEPTED)
        for _, claimed in _claims(item["spec"]["names"])
    }


def _stored(definition: Object) -> list[str]:
    """Every version in which objects may still be stored: the one that is written now, at the end."""
    kept = definition.get("status", {}).get("storedVersions", [])
    now = next(item["name"] for item in definition["spec"]["versions"] if item["storage"])
    return [*kept, *([now] if now not in kept else [])]


def _clean_up(view: View, definition: Object, result: Plan, now: float) -> None:
    """Delete the objects of a definition that is going; let it go after the last one."""
    meta, resource = definition["metadata"], definition["metadata"]["name"]
    if CLEANUP not in meta.get("finalizers", ()):
        return
    if not is_true(definition, ESTABLISHED):
        left: list[Object] = []
    elif resource not in view:
        return  # the local copy is on its way; its arrival is a reason to look again
    else:
        left = list(view[resource])
    for obj in left:
        if not is_deleting(obj):
            result.delete(resource, obj)
    if left:
        text = "CustomResource deletion is in progress"
        status = _terminating(definition, "True", "InstanceDeletionInProgress", text, now)
        result.status(DEFINITIONS, definition, status)
        return
    kept = [item for item in meta["finalizers"] if item != CLEANUP]
    result.patch(DEFINITIONS, definition, {"metadata": {"uid": meta["uid"], "finalizers": kept}})


def _terminating(definition: Object, status: str, reason: str, message: str, now: float) -> Object:
    old = definition.get("status", {})
    return old | {"conditions": _set(old.get("conditions", []), TERMINATING, status, reason, message, now)}


def _group(view: View, definition: Object) -> Iterable[Key]:
    """A trigger: a change may free or take names that others of the group want."""
    group = definition["spec"]["group"]
    return [("", item["metadata"]["name"]) for item in view[DEFINITIONS] if item["spec"]["group"] == group]


def _of(view: View, obj: Object) -> Iterable[Key]:
    """A trigger: the definition behind a custom resource, while it waits for the last of them."""
    group = obj["apiVersion"].partition("/")[0]
    for item in view[DEFINITIONS]:
        spec = item["spec"]
        if is_deleting(item) and (spec["group"], spec["names"]["kind"]) == (group, obj["kind"]):
            yield "", item["metadata"]["name"]


CONTROLLER = Controller("customresourcedefinition-controller", _plan, {DEFINITIONS: _group}, custom=_of)
