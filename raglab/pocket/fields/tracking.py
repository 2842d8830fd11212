"""Ownership after a create, update or patch: who changes a field owns it, and nobody else any longer."""

from __future__ import annotations

from raglab.pocket.fields import sets
from raglab.pocket.fields.comparing import Comparisons
from raglab.pocket.fields.managers import Identity, Managers
from raglab.pocket.fields.sets import HERE, LEAF, Fields

OF_SERVER = (
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "generation",
    "managedFields",
    "resourceVersion",
)
UNOWNED: Fields = {
    "f:apiVersion": LEAF,
    "f:kind": LEAF,
    "f:metadata": {HERE: LEAF} | {f"f:{name}": LEAF for name in OF_SERVER},
}
"""Fields that nobody owns."""


def record(managers: Managers, who: Identity, comparisons: Comparisons, time: str) -> None:
    """`who` has written: take what was changed or removed from all, and give `who` what was changed."""
    take(managers, comparisons)
    own = comparisons(who.api_version)
    gained = sets.difference(own.changed, UNOWNED) if own else None
    if gained is not None:
        managers.set(who, sets.union(managers.fields(who), gained), time=time)


def take(managers: Managers, comparisons: Comparisons, spared: Identity | None = None) -> None:
    """Take what was changed or removed from all but one, and everything where the version is served no longer."""
    for who, entry in managers:
        if who == spared:
            continue
        comparison = comparisons(entry["apiVersion"])
        lost = comparison.touched if comparison else entry["fieldsV1"]
        if lost is not None:
            managers.set(who, sets.difference(entry["fieldsV1"], lost))
