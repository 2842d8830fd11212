"""PriorityClass at admission: a pod gets the number that its class stands for, and whether it may displace others.

Source: https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/; texts are those of the
Priority plugin.
"""

from __future__ import annotations

from raglab.pocket.client import Object
from raglab.pocket.errors import not_admitted
from raglab.pocket.kinds.catalogue import Kind
from raglab.pocket.store import Store

SHELF = "scheduling.k8s.io/priorityclasses"
GIVEN = (
    ("priority", "the integer value of priority"),
    ("preemptionPolicy", "the string value of PreemptionPolicy"),
)
"""What a pod may repeat, and not decide."""


def complete(store: Store, pod: Object) -> None:
    """Fill in priority and preemption policy of a new pod, in place; 403 if it names no class or claims others."""
    spec, name = pod["spec"], pod["spec"].get("priorityClassName", "")
    record = store.get(SHELF, "", name) if name else None
    if name and record is None:
        raise _refused(pod, f"no PriorityClass with name {name} was found")
    found = record.object if record else _default(store) or {}
    if found:
        spec["priorityClassName"] = found["metadata"]["name"]
    computed = {
        "priority": found.get("value", 0),
        "preemptionPolicy": found.get("preemptionPolicy", "PreemptLowerPriority"),
    }
    for field, what in GIVEN:
        if spec.get(field, computed[field]) != computed[field]:
            how = (
                f"priority admission controller computed {computed[field]} from the given PriorityClass name"
            )
            raise _refused(pod, f"{what} ({spec[field]}) must not be provided in pod spec; {how}")
    spec |= computed


def check(store: Store, kind: Kind, obj: Object) -> None:
    """Refuse (403) a second class that wants to be everybody's."""
    other = _default(store) if obj.get("globalDefault") else None
    if other and other["metadata"]["name"] != obj["metadata"]["name"]:
        why = f"PriorityClass {other['metadata']['name']} is already marked as default. Only one default can exist"
        raise not_admitted(kind.plural, kind.group, obj["metadata"]["name"], why)


def _default(store: Store) -> Object | None:
    """The class of pods that name none; of several the least."""
    classes = [record.object for record in store.records(SHELF) if record.object.get("globalDefault")]
    return min(classes, key=lambda item: int(item.get("value", 0)), default=None)


def _refused(pod: Object, why: str) -> Exception:
    return not_admitted("pods", "", pod["metadata"]["name"], why)
