"""What Kubernetes objects say about themselves: owners, selectors, readiness, conditions. Pure functions on
dicts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from raglab.pocket import selectors
from raglab.pocket.client import Object
from raglab.pocket.clock import timestamp

_SAFE_DIGITS = str.maketrans("0123456789", "456789bcdf")
"""Kubernetes spells hashes without vowels and look-alikes, so that no word appears by accident."""


def is_deleting(obj: Object) -> bool:
    """Deletion was asked for and has not finished."""
    return "deletionTimestamp" in obj["metadata"]


def controller_of(obj: Object) -> Object | None:
    """The owner reference of the one controller that manages `obj`, or None."""
    return next((ref for ref in obj["metadata"].get("ownerReferences", ()) if ref.get("controller")), None)


def is_controlled_by(obj: Object, owner: Object) -> bool:
    """Whether `owner` is the controller of `obj`."""
    ref = controller_of(obj)
    return ref is not None and ref["uid"] == owner["metadata"]["uid"]


def owner_reference(owner: Object) -> Object:
    """A reference that makes `owner` the controller of whatever carries it."""
    meta = owner["metadata"]
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def selects(selector: Object | None, labels: Mapping[str, str] | None) -> bool:
    """Whether a ``LabelSelector`` matches. None selects nothing, an empty selector everything."""
    if selector is None:
        return False
    return selectors.matches(selectors.from_object(selector), labels)


def labels_of(obj: Object) -> dict[str, str]:
    """The object's labels, {} if it has none."""
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Object) -> dict[str, str]:
    """The object's annotations, {} if it has none."""
    return obj["metadata"].get("annotations") or {}


def condition(obj: Object, type: str) -> Object | None:
    """The status condition of this type, or None."""
    return next(
        (item for item in obj.get("status", {}).get("conditions", ()) if item.get("type") == type), None
    )


def is_ready(pod: Object) -> bool:
    """The Pod's Ready condition is True."""
    ready = condition(pod, "Ready")
    return ready is not None and ready.get("status") == "True"


def container_ids(pod: Object) -> frozenset[str]:
    """The IDs of the containers as their status tells them, init containers aside."""
    statuses = pod.get("status", {}).get("containerStatuses") or []
    return frozenset(item["containerID"] for item in statuses if "containerID" in item)


def phase(obj: Object) -> str:
    """``status.phase``, "" if not set."""
    return obj.get("status", {}).get("phase", "")


def is_finished(pod: Object) -> bool:
    """All containers have ended for good."""
    return phase(pod) in ("Succeeded", "Failed")


def is_active(pod: Object) -> bool:
    """Neither finished nor being deleted: it counts as a replica."""
    return not is_finished(pod) and not is_deleting(pod)


def seconds_until_available(pod: Object, min_ready: int, now: float) -> float | None:
    """0 if the Pod has been Ready for `min_ready` seconds, else how long until then; None if it is not
    Ready.
    """
    if not is_ready(pod):
        return None
    if not min_ready:
        return 0.0
    ready = condition(pod, "Ready") or {}
    return max(0.0, seconds(ready["lastTransitionTime"]) + min_ready - now)


def seconds(stamp: str) -> float:
    """A ``metav1.Time`` or ``MicroTime`` as seconds since the epoch."""
    return datetime.fromisoformat(stamp).timestamp()


def stable_hash(value: Any) -> str:
    """A short name for a value's content, equal for equal content, in Kubernetes' spelling: ``74cd5d4bc8``.

    A real control plane hashes Go's memory layout; the result cannot be reproduced and nobody may depend on
    it.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(text.encode()).digest()
    return str(int.from_bytes(digest[:4], "big")).translate(_SAFE_DIGITS)


def with_condition(conditions: Iterable[Object], new: Object, now: float) -> list[Object]:
    """`conditions` with `new` in the place of the one of its type (or at the end).

    `lastTransitionTime` is kept while the status stays the same; an equal condition is left as it is.
    """
    result = list(conditions)
    index = next((i for i, item in enumerate(result) if item.get("type") == new["type"]), len(result))
    old = result[index] if index < len(result) else {}
    if new.items() <= old.items():
        return result
    kept = old.get("status") == new["status"] and "lastTransitionTime" in old
    moment = old["lastTransitionTime"] if kept else timestamp(now)
    result[index : index + 1] = [{"lastTransitionTime": moment} | new]
    return result
