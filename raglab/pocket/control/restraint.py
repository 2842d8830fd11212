"""How far an autoscaler goes at once: stabilisation, scaling policies and limits, between what its metrics ask for and
what it does.

Rules: Kubernetes documentation, "Horizontal Pod Autoscaling", sections "Configurable scaling behavior" and
"Stabilization window", and recordings of a real controller.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from raglab.pocket.client import Object

DOWN_WINDOW = 300
"""Seconds for which the highest recommendation holds unless the behavior says otherwise."""
LONGEST_WINDOW = 3600
"""No window and no period of a policy may be longer (seconds)."""
UP_FACTOR, UP_LEAST = 2, 4
"""Without a behavior one step up may double the replicas, or reach this many."""

TEXTS = {
    "ReadyForNewScale": "recommended size matches current size",
    "ScaleUpStabilized": "recent recommendations were lower than current one, applying the lowest recent "
    "recommendation",
    "ScaleDownStabilized": "recent recommendations were higher than current one, applying the highest recent "
    "recommendation",
    "DesiredWithinRange": "the desired count is within the acceptable range",
    "TooManyReplicas": "the desired replica count is more than the maximum replica count",
    "TooFewReplicas": "the desired replica count is less than the minimum replica count",
    "ScaleUpLimit": "the desired replica count is increasing faster than the maximum scale rate",
    "ScaleDownLimit": "the desired replica count is decreasing faster than the maximum scale rate",
}
"""Messages of the conditions by reason."""


class Moment(NamedTuple):
    """A number of replicas, or a change of it, and when that was."""

    time: float
    replicas: int


@dataclass
class Memory:
    """What an autoscaler remembers from one evaluation to the next."""

    wanted: list[Moment] = field(default_factory=list)
    """What the metrics asked for, before any restraint."""
    changes: list[Moment] = field(default_factory=list)
    """What was done."""

    def want(self, now: float, replicas: int) -> None:
        self.wanted = [*_since(self.wanted, now - LONGEST_WINDOW), Moment(now, replicas)]

    def change(self, now: float, by: int) -> None:
        self.changes = [*_since(self.changes, now - LONGEST_WINDOW), Moment(now, by)]


def _since(moments: Iterable[Moment], start: float) -> list[Moment]:
    return [moment for moment in moments if moment.time > start]


class Verdict(NamedTuple):
    """The replicas to have now, and the reasons of the conditions AbleToScale and ScalingLimited."""

    replicas: int
    able: str
    limited: str
    is_limited: bool


class Range(NamedTuple):
    """The smallest and the largest number of replicas."""

    least: int
    most: int


def restrain(
    allowed: Range, behavior: Object | None, memory: Memory, current: int, wanted: int, now: float
) -> Verdict:
    """What to do about `wanted`, which is then remembered."""
    if behavior is None:
        steady, able = _steady_down(memory, wanted, now)
        replicas, limited = _in_range(allowed, current, steady)
    else:
        steady, able = _steady(behavior, memory, current, wanted, now)
        replicas, limited = _at_rate(allowed, behavior, memory, current, steady, now)
    memory.want(now, wanted)
    return Verdict(replicas, able if steady != wanted else "ReadyForNewScale", limited, replicas != steady)


def _steady_down(memory: Memory, wanted: int, now: float) -> tuple[int, str]:
    """The highest recommendation of the last five minutes."""
    recent = (moment.replicas for moment in memory.wanted if moment.time >= now - DOWN_WINDOW)
    return max([wanted, *recent]), "ScaleDownStabilized"


def _steady(behavior: Object, memory: Memory, current: int, wanted: int, now: float) -> tuple[int, str]:
    """As near to the current number as the lowest and the highest recommendation of their windows allow."""
    recent = {way: _since(memory.wanted, now - _window(behavior, way)) for way in ("scaleUp", "scaleDown")}
    lowest = min([wanted, *(moment.replicas for moment in recent["scaleUp"])])
    highest = max([wanted, *(moment.replicas for moment in recent["scaleDown"])])
    steady = min(max(current, lowest), highest)
    return steady, "ScaleUpStabilized" if wanted >= current else "ScaleDownStabilized"


def _window(behavior: Object, way: str) -> int:
    seconds = behavior[way].get("stabilizationWindowSeconds")
    return (0 if way == "scaleUp" else DOWN_WINDOW) if seconds is None else int(seconds)


def _in_range(allowed: Range, current: int, wanted: int) -> tuple[int, str]:
    """Without a behavior: the range, and a limit for one step up."""
    step = max(UP_FACTOR * current, UP_LEAST)
    if wanted < allowed.least:
        return allowed.least, "TooFewReplicas"
    if wanted > min(step, allowed.most):
        return min(step, allowed.most), "ScaleUpLimit" if allowed.most > step else "TooManyReplicas"
    return wanted, "DesiredWithinRange"


def _at_rate(
    allowed: Range, behavior: Object, memory: Memory, current: int, wanted: int, now: float
) -> tuple[int, str]:
    """With a behavior: the range, and what its policies allow on top of what was done in their periods."""
    if wanted > current:
        step = max(current, _most(behavior["scaleUp"], memory, current, now))
        if wanted > min(step, allowed.most):
            return min(step, allowed.most), "ScaleUpLimit" if allowed.most > step else "TooManyReplicas"
    elif wanted < current:
        step = min(current, _fewest(behavior["scaleDown"], memory, current, now))
        if wanted < max(step, allowed.least):
            return max(step, allowed.least), "ScaleDownLimit" if allowed.least < step else "TooFewReplicas"
    return wanted, "DesiredWithinRange"


def _most(rules: Object, memory: Memory, current: int, now: float) -> int:
    if rules["selectPolicy"] == "Disabled":
        return current
    proposals = []
    for policy in rules["policies"]:
        start = _start(policy, memory, current, now)
        grown = math.ceil(start * (1 + policy["value"] / 100))
        proposals.append(start + policy["value"] if policy["type"] == "Pods" else grown)
    return min(proposals) if rules["selectPolicy"] == "Min" else max(proposals)


def _fewest(rules: Object, memory: Memory, current: int, now: float) -> int:
    if rules["selectPolicy"] == "Disabled":
        return current
    proposals = []
    for policy in rules["policies"]:
        start = _start(policy, memory, current, now)
        shrunk = int(start * (1 - policy["value"] / 100))
        proposals.append(start - policy["value"] if policy["type"] == "Pods" else shrunk)
    return max(proposals) if rules["selectPolicy"] == "Min" else min(proposals)


def _start(policy: Object, memory: Memory, current: int, now: float) -> int:
    """Replicas when the policy's period began, as far as the autoscaler itself changed them."""
    return current - sum(item.replicas for item in _since(memory.changes, now - policy["periodSeconds"]))
