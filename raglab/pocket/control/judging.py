"""How a Job stands: whether it is over and why, how many pods it wants, and when it may try again.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/job/ (completions, backoff limit, deadline, failure
policy).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from raglab.pocket.client import Object
from raglab.pocket.control.tracking import ended_at, total
from raglab.pocket.objects import condition, seconds

FIRST_BACKOFF, LONGEST_BACKOFF = 10.0, 600.0
"""Seconds before a failed pod is replaced; doubles with each failure (the defaults of the real Job controller)."""


class Verdict(NamedTuple):
    """Why a Job is over."""

    reason: str
    message: str
    failed: bool = True


REACHED = Verdict("CompletionsReached", "Reached expected number of succeeded pods", failed=False)
TOO_MANY_FAILURES = Verdict("BackoffLimitExceeded", "Job has reached the specified backoff limit")
TOO_LATE = Verdict("DeadlineExceeded", "Job was active longer than specified deadline")


def verdict(
    job: Object, status: Object, active: list[Object], failed: list[Object], now: float
) -> Verdict | None:
    """Why the Job is over, None if it is not. `status` has counted the pods that are neither active nor new."""
    spec, succeeded = job["spec"], total(status, "succeeded")
    if why := next(
        (text for pod in failed for action, text in [ruling(job, pod)] if action == "FailJob"), None
    ):
        return Verdict("PodFailurePolicy", why)
    if max(total(status, "failed"), _restarts(active)) > spec.get("backoffLimit", 6):
        return TOO_MANY_FAILURES
    completions = spec.get("completions")
    if succeeded >= completions if completions is not None else succeeded and not active:
        return REACHED
    left = seconds_left(job, status, now)
    return TOO_LATE if left is not None and left <= 0 else None


def seconds_left(job: Object, status: Object, now: float) -> float | None:
    """Until the Job has to be over; None if it has no deadline, or rests."""
    deadline = job["spec"].get("activeDeadlineSeconds")
    if deadline is None or "startTime" not in status or job["spec"].get("suspend"):
        return None
    return seconds(status["startTime"]) + deadline - now


def wanted(job: Object, status: Object, active: int) -> int:
    """How many pods should run now."""
    spec, succeeded = job["spec"], total(status, "succeeded")
    parallelism, completions = spec.get("parallelism", 1), spec.get("completions")
    if spec.get("suspend"):
        return 0
    if completions is None:
        return active if succeeded else int(parallelism)
    return int(min(parallelism, completions - succeeded))


def pause(status: Object, failed: Iterable[Object], now: float) -> float:
    """Seconds until a failed pod may be replaced."""
    failures, ends = total(status, "failed"), [ended_at(pod, now) for pod in failed]
    if not failures or not ends:
        return 0.0
    return max(ends) + min(FIRST_BACKOFF * 2 ** (failures - 1), LONGEST_BACKOFF) - now


def ruling(job: Object, pod: Object) -> tuple[str, str]:
    """What the pod failure policy says of a failed pod: action (``Count`` if it says nothing), and why."""
    name = f"{pod['metadata'].get('namespace', '')}/{pod['metadata']['name']}"
    for index, rule in enumerate((job["spec"].get("podFailurePolicy") or {}).get("rules") or ()):
        where = f"matching {rule['action']} rule at index {index}"
        if found := _exit(rule.get("onExitCodes"), pod):
            return rule[
                "action"
            ], f"Container {found[0]} for pod {name} failed with exit code {found[1]} {where}"
        for pattern in rule.get("onPodConditions") or ():
            told = condition(pod, pattern["type"])
            if told and told["status"] == pattern.get("status", "True"):
                return rule["action"], f"Pod {name} has condition {pattern['type']} {where}"
    return "Count", ""


def _exit(rule: Object | None, pod: Object) -> tuple[str, int] | None:
    """The first container whose exit code is one of those that a rule means."""
    if rule is None:
        return None
    status = pod.get("status", {})
    for container in [*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())]:
        code = container.get("state", {}).get("terminated", {}).get("exitCode", 0)
        meant = rule.get("containerName") in (None, container["name"])
        if code and meant and (code in rule["values"]) == (rule["operator"] == "In"):
            return container["name"], code
    return None


def _restarts(active: list[Object]) -> int:
    """Containers restarted in place count as failures too."""
    statuses = (item for pod in active for item in pod.get("status", {}).get("containerStatuses", ()))
    return sum(item.get("restartCount", 0) for item in statuses)
