"""The arithmetic of replacing a DaemonSet's pods: on which nodes the old one stops now, on which a new one starts.

Either old pods stop first and `unavailable` nodes may lack one meanwhile, or new pods start beside them first on
`surge` nodes at once (Kubernetes documentation, API reference, ``RollingUpdateDaemonSet``).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """What a DaemonSet has on one node: a pod of an old version, one of the new version, or both."""

    node: str
    has_old: bool = False
    has_new: bool = False
    is_available: bool = False
    """The pod, or if there are both the new one, is available."""


def to_stop(places: Iterable[Place], unavailable: int) -> list[str]:
    """Nodes whose old pod stops so that a new one can follow: those nobody can use, and as many others as may be
    missing.
    """
    places = list(places)
    room = max(0, unavailable - sum(not place.is_available for place in places))
    old = [place for place in places if place.has_old and not place.has_new]
    useful = [place.node for place in old if place.is_available]
    return [place.node for place in old if not place.is_available] + useful[:room]


def to_start_beside(places: Iterable[Place], surge: int) -> list[str]:
    """Nodes that get a new pod beside the old one: where the old one cannot be used, and as many others as may have
    two.
    """
    places = list(places)
    room = max(0, surge - sum(place.has_old and place.has_new and not place.is_available for place in places))
    old = sorted(
        (place for place in places if place.has_old and not place.has_new),
        key=lambda place: place.is_available,
    )
    useless = sum(not place.is_available for place in old)
    return [place.node for place in old][: max(useless, room)]


def to_stop_after(places: Iterable[Place]) -> list[str]:
    """Nodes whose old pod stops because its successor is available."""
    return [place.node for place in places if place.has_old and place.has_new and place.is_available]
