"""The arithmetic of replacing pods: how many replicas each ReplicaSet of a Deployment may have right now.

Numbers in, numbers out. Sizes are `spec.replicas`, what has been asked for; `available` is what runs and is
ready. The rules are those of the Deployment documentation: never more than `replicas + max_surge` pods are
asked for, and never fewer than `replicas - max_unavailable` are available because of us.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """What a rollout may do, in pods."""

    replicas: int
    max_surge: int = 0
    max_unavailable: int = 0

    @property
    def most(self) -> int:
        """No more than this many pods at once."""
        return self.replicas + self.max_surge

    @property
    def fewest(self) -> int:
        """No fewer than this many available."""
        return self.replicas - self.max_unavailable


@dataclass(frozen=True)
class Size:
    """One ReplicaSet: replicas asked for and replicas available."""

    replicas: int
    available: int = 0


def share(value: int | str, of: int, *, round_up: bool) -> int:
    """An ``IntOrString`` as a number of pods: itself, or a percentage of `of`."""
    if isinstance(value, str) and value.endswith("%"):
        part = of * int(value[:-1]) / 100
        return math.ceil(part) if round_up else math.floor(part)
    return int(value)


def limits(replicas: int, max_surge: int | str, max_unavailable: int | str) -> Limits:
    """Surge rounds up and unavailable down; if both become 0 one pod may be missing, or nothing could ever
    move.
    """
    surge = share(max_surge, replicas, round_up=True)
    unavailable = share(max_unavailable, replicas, round_up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return Limits(replicas, surge, min(unavailable, replicas))


def grow(limits: Limits, new: int, total: int) -> int:
    """Replicas of the new ReplicaSet (now `new`) when all ReplicaSets together ask for `total`."""
    if new > limits.replicas:
        return limits.replicas
    room = max(0, limits.most - total)
    return new + min(room, limits.replicas - new)


def shrink(limits: Limits, new: Size, old: list[Size]) -> list[int]:
    """Replicas of the old ReplicaSets, oldest first.

    Replicas that are not available go first, as nobody misses them; then available ones, as far as `limits`
    allows.
    """
    sizes = [item.replicas for item in old]
    may_go = sum(sizes) + new.replicas - limits.fewest - max(0, new.replicas - new.available)
    if may_go <= 0:
        return sizes
    for index, item in enumerate(old):
        gone = min(may_go, max(0, item.replicas - item.available))
        sizes[index] -= gone
        may_go -= gone
    spare = sum(item.available for item in old) + new.available - limits.fewest
    for index in range(len(sizes)):
        gone = max(0, min(spare, sizes[index]))
        sizes[index] -= gone
        spare -= gone
    return sizes


def spread(limits: Limits, sizes: list[int], previous_most: list[int]) -> list[int]:
    """Sizes when `replicas` itself was changed in the middle of a rollout: each ReplicaSet gets its
    proportional part.

    `sizes` are ordered largest first; `previous_most` is the `most` each was sized for. What rounding leaves
    over goes to the largest.
    """
    allowed = limits.most if limits.replicas else 0
    left = allowed - sum(sizes)
    result = list(sizes)
    for index, size in enumerate(sizes):
        if size and left:
            ideal = round(size * allowed / (previous_most[index] or sum(sizes)))
            change = max(min(ideal - size, left), 0) if left > 0 else min(max(ideal - size, left), 0)
            result[index], left = size + change, left - change
    if result:
        result[0] = max(0, result[0] + left)
    return result
