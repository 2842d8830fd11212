"""ResourceQuota at admission: nothing is stored that would take a namespace beyond what it was given.

What is used is counted afresh from the store, so it is exact at this very moment; the quota's own ``status.used``,
which people read, is kept by a controller.
"""

from __future__ import annotations

from collections.abc import Iterable

from raglab.pocket.client import Object
from raglab.pocket.errors import not_admitted, qualified
from raglab.pocket.kinds.catalogue import Kind
from raglab.pocket.kinds.quantity import NOTHING
from raglab.pocket.kinds.resources import Amounts, amounts, minus, plus
from raglab.pocket.kinds.usage import in_scope, source_of, usage, used
from raglab.pocket.store import Store

_PER_CONTAINER = frozenset(
    f"{prefix}{name}" for prefix in ("", "requests.", "limits.") for name in ("cpu", "memory")
)
"""What every container must state, if the quota limits it."""


def check(store: Store, kind: Kind, new: Object, old: Object | None) -> None:
    """Refuse (403) what a quota of the namespace has no room for. `new` is complete and valid."""
    if not kind.namespaced:
        return
    namespace, resource = new["metadata"]["namespace"], qualified(kind.plural, kind.group)
    for record in store.records("/resourcequotas", namespace):
        quota = record.object
        hard = amounts(quota["spec"].get("hard"))
        limited = {name: amount for name, amount in hard.items() if source_of(name) == resource}
        if not limited or not in_scope(quota, resource, new):
            continue
        if resource == "pods":
            _stated(quota, limited, new)
        others = [
            item.object
            for item in store.records(kind.storage_key, namespace)
            if item.object is not old and in_scope(quota, resource, item.object)
        ]
        before = used(limited, resource, [*others, old] if old else others)
        _room(kind, quota, limited, before, _increase(limited, resource, new, old), new)


def _increase(limited: Amounts, resource: str, new: Object, old: Object | None) -> Amounts:
    """What `new` costs more than `old`."""
    cost = usage(resource, new)
    more = minus(cost, usage(resource, old)) if old else cost
    return {name: amount for name, amount in more.items() if name in limited and amount.value > 0}


def _room(kind: Kind, quota: Object, hard: Amounts, before: Amounts, more: Amounts, obj: Object) -> None:
    after = plus(before, more)
    exceeded = sorted(name for name in more if after[name].value > hard[name].value)
    if exceeded:
        told = ", ".join(
            f"{word}: " + ",".join(f"{name}={amounts.get(name, NOTHING)}" for name in exceeded)
            for word, amounts in (("requested", more), ("used", before), ("limited", hard))
        )
        why = f"exceeded quota: {quota['metadata']['name']}, {told}"
        raise not_admitted(kind.plural, kind.group, obj["metadata"]["name"], why)


def _stated(quota: Object, limited: Iterable[str], pod: Object) -> None:
    """Where cpu or memory is limited, every container says how much it takes."""
    spec = pod["spec"]
    missing: dict[str, list[str]] = {}
    for container in [*spec["containers"], *(spec.get("initContainers") or ())]:
        for name in _PER_CONTAINER.intersection(limited):
            which, _, what = name.rpartition(".")
            if what not in ((container.get("resources") or {}).get(which or "requests") or {}):
                missing.setdefault(name, []).append(container["name"])
    if missing:
        told = "; ".join(f"{name} for: {','.join(sorted(missing[name]))}" for name in sorted(missing))
        why = f"failed quota: {quota['metadata']['name']}: must specify {told}"
        raise not_admitted("pods", "", pod["metadata"]["name"], why)
