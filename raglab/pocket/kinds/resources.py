"""What a pod asks for in total: the arithmetic of its containers, shared by scheduler, quotas and limits.

Rules: ``k8s.io/component-helpers/resource``. Sidecars (init containers that keep running) count with the containers,
and with the init containers after them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.quantity import NOTHING, Quantity, read

Amounts = dict[str, Quantity]


def total(spec: Object, which: str) -> Amounts:
    """``requests`` or ``limits`` of a pod: its containers together, or its hungriest init container if that is more.

    What is asked for the whole pod (``spec.resources``) goes before what its containers say.
    """
    sidecars: Amounts = {}
    most: Amounts = {}
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            sidecars = plus(sidecars, _of(container, which))
            most = larger(most, sidecars)
        else:
            most = larger(most, plus(sidecars, _of(container, which)))
    running = plus(sidecars, *(_of(container, which) for container in spec["containers"]))
    return plus(larger(running, most) | _of(spec, which), amounts(spec.get("overhead")))


def amounts(listed: Mapping[str, Any] | None) -> Amounts:
    """A map of quantities as written, read."""
    return {name: read(text) for name, text in (listed or {}).items()}


def texts(listed: Amounts) -> dict[str, str]:
    """The spelling that is stored."""
    return {name: str(amount) for name, amount in listed.items()}


def plus(*parts: Amounts) -> Amounts:
    """The sum, name by name."""
    return _merged(parts, Quantity.plus)


def minus(one: Amounts, other: Amounts) -> Amounts:
    """What is left of `one`."""
    return {name: amount.minus(other.get(name, NOTHING)) for name, amount in one.items()}


def larger(one: Amounts, other: Amounts) -> Amounts:
    """The larger of both, name by name."""
    return _merged((one, other), max)


def _merged(parts: Iterable[Amounts], merge: Callable[[Quantity, Quantity], Quantity]) -> Amounts:
    merged: Amounts = {}
    for part in parts:
        for name, amount in part.items():
            merged[name] = merge(merged[name], amount) if name in merged else amount
    return merged


def _of(asking: Object, which: str) -> Amounts:
    return amounts((asking.get("resources") or {}).get(which))
