"""Versions of a pod template kept as ControllerRevision objects, for workloads without ReplicaSets.

Each revision is labelled with a hash of what it keeps; StatefulSets and DaemonSets call that label differently.

The payload is a strategic merge patch that puts the template back: that is what ``kubectl rollout undo``
applies.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from raglab.pocket.client import Object
from raglab.pocket.control.reconcile import Plan
from raglab.pocket.objects import is_controlled_by, labels_of, owner_reference, stable_hash

HASH_LABEL = "controller.kubernetes.io/hash"


class Versions(NamedTuple):
    """The version of the template as it is now, and the one the pods had before; equal outside a rollout."""

    update: Object
    current: Object


def _payload(owner: Object) -> Object:
    return {"spec": {"template": owner["spec"]["template"] | {"$patch": "replace"}}}


def template_of(revision: Object) -> dict[str, Any]:
    """The pod template a revision stands for."""
    return {key: value for key, value in revision["data"]["spec"]["template"].items() if key != "$patch"}


def versions(owner: Object, revisions: list[Object], result: Plan, hash_label: str = HASH_LABEL) -> Versions:
    """Find (or plan to create) the revision of the owner's template, and the one in
    ``status.currentRevision``.
    """
    mine = sorted((item for item in revisions if is_controlled_by(item, owner)), key=_number)
    newest = _number(mine[-1]) if mine else 0
    update = next((item for item in reversed(mine) if item["data"] == _payload(owner)), None)
    if update is None:
        update = _new(owner, newest + 1, revisions, hash_label)
        result.create("controllerrevisions", update)
    elif _number(update) != newest:  # a rollback: the old version becomes the newest one
        result.patch("controllerrevisions", update, {"revision": newest + 1})
    running = owner.get("status", {}).get("currentRevision", "")
    return Versions(update, next((item for item in mine if _name(item) == running), update))


def forget(owner: Object, revisions: list[Object], in_use: set[str], result: Plan) -> None:
    """Keep `revisionHistoryLimit` revisions beside those in use."""
    mine = [item for item in revisions if is_controlled_by(item, owner) and _name(item) not in in_use]
    surplus = len(mine) - owner["spec"].get("revisionHistoryLimit", 10)
    for item in sorted(mine, key=_number)[: max(0, surplus)]:
        result.delete("controllerrevisions", item)


def _new(owner: Object, number: int, existing: list[Object], hash_label: str) -> Object:
    taken = {_name(item) for item in existing}
    digest = stable_hash(
        [_payload(owner), number] if _full_name(owner, _payload(owner)) in taken else _payload(owner)
    )
    metadata = {
        "name": f"{owner['metadata']['name']}-{digest}",
        "namespace": owner["metadata"]["namespace"],
        "labels": labels_of(owner["spec"]["template"]) | {hash_label: digest},
        "annotations": owner["metadata"].get("annotations", {}),
        "ownerReferences": [owner_reference(owner)],
    }
    kind = {"apiVersion": "apps/v1", "kind": "ControllerRevision"}
    return kind | {"metadata": metadata, "data": _payload(owner), "revision": number}


def _full_name(owner: Object, payload: Object) -> str:
    return f"{owner['metadata']['name']}-{stable_hash(payload)}"


def _number(revision: Object) -> int:
    return int(revision["revision"])


def _name(revision: Object) -> str:
    return str(revision["metadata"]["name"])
