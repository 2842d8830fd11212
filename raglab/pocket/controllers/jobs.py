"""Job: runs pods until enough of them have succeeded."""

from __future__ import annotations

import copy

from raglab.pocket.client import Object
from raglab.pocket.clock import timestamp
from raglab.pocket.control.adoption import itself, owner_or_adopters
from raglab.pocket.control.reconcile import Controller, Note, Plan, View
from raglab.pocket.control.tracking import (
    count,
    ended_at,
    is_left_by,
    is_tracked,
    new_pod,
    outcome,
    release,
    total,
)
from raglab.pocket.informer import Key
from raglab.pocket.objects import (
    condition,
    is_controlled_by,
    is_deleting,
    is_finished,
    is_ready,
    seconds,
    with_condition,
)

FIRST_BACKOFF, LONGEST_BACKOFF = 10.0, 600.0
"""Seconds before a failed pod is replaced; doubles with each failure (the defaults of the real Job
controller).
"""
REACHED = ("CompletionsReached", "Reached expected number of succeeded pods")
TOO_MANY_FAILURES = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
TOO_LATE = ("DeadlineExceeded", "Job was active longer than specified deadline")


def plan(view: View, key: Key, now: float) -> Plan:
    """Count what has ended, judge the Job, and start or stop pods."""
    result = Plan()
    job = view["jobs"].get(key[1], key[0])
    for pod in view["pods"].list(key[0]):
        if is_left_by(key[1], job, pod):
            release(pod, result)
    if job is None:
        return result
    pods = [pod for pod in view["pods"].owned(job["metadata"]["uid"]) if is_controlled_by(pod, job)]
    if _finished_at(job) is not None or is_deleting(job):
        _clean_up(job, pods, result, now)
    else:
        _Look(job, pods, result, now).take()
    return result


def _finished_at(job: Object) -> float | None:
    ended = (condition(job, type) for type in ("Complete", "Failed"))
    return next(
        (seconds(item["lastTransitionTime"]) for item in ended if item and item["status"] == "True"), None
    )


def _clean_up(job: Object, pods: list[Object], result: Plan, now: float) -> None:
    for pod in pods:
        release(pod, result)
    ended, keep = _finished_at(job), job["spec"].get("ttlSecondsAfterFinished")
    if ended is None or keep is None or is_deleting(job):
        return
    if ended + keep <= now:
        result.delete("jobs", job)
    else:
        result.look_again(ended + keep - now)


class _Look:
    """One look at a Job that has not ended."""

    def __init__(self, job: Object, pods: list[Object], result: Plan, now: float) -> None:
        self.job, self.spec, self.pods, self.result, self.now = job, job["spec"], pods, result, now
        self.status: Object = copy.deepcopy(job.get("status", {}))

    def take(self) -> None:
        count(self.status, self.pods, self.result)
        self.active = [pod for pod in self.pods if not outcome(pod)]
        if not self.spec.get("suspend"):
            self.status.setdefault("startTime", timestamp(self.now))
        verdict, failed = self._verdict()
        if verdict:
            self._end(verdict, failed)
        else:
            self._resize(0 if self.spec.get("suspend") else self._wanted())
        self._report()

    def _verdict(self) -> tuple[tuple[str, str] | None, bool]:
        """Why the Job is over (reason and message), if it is, and whether it failed."""
        limit, deadline = self.spec.get("backoffLimit", 6), self.spec.get("activeDeadlineSeconds")
        if total(self.status, "failed") > limit or self._restarts() > limit:
            return TOO_MANY_FAILURES, True
        completions, succeeded = self.spec.get("completions"), total(self.status, "succeeded")
        if succeeded >= completions if completions is not None else succeeded and not self.active:
            return REACHED, False
        if deadline is not None and "startTime" in self.status:
            left = seconds(self.status["startTime"]) + deadline - self.now
            if left <= 0:
                return TOO_LATE, True
            self.result.look_again(left)
        return None, False

    def _restarts(self) -> int:
        """Containers restarted in place count as failures too."""
        statuses = (
            item for pod in self.active for item in pod.get("status", {}).get("containerStatuses", ())
        )
        return sum(item.get("restartCount", 0) for item in statuses)

    def _wanted(self) -> int:
        parallelism, completions = self.spec.get("parallelism", 1), self.spec.get("completions")
        if completions is None:
            return len(self.active) if total(self.status, "succeeded") else parallelism
        return int(min(parallelism, completions - total(self.status, "succeeded")))

    def _resize(self, wanted: int) -> None:
        missing = wanted - len(self.active)
        if missing > 0:
            pause = self._backoff()
            if pause > 0:
                self.result.look_again(pause)
                return
        created = Note(self.job, "SuccessfulCreate", "Created pod: {name}")
        refused = Note(self.job, "FailedCreate", "Error creating: {error}", "Warning")
        for _ in range(missing):
            self.result.create("pods", new_pod(self.job), created, refused)
        for pod in self.active[wanted:]:
            self._stop(pod)

    def _backoff(self) -> float:
        """Seconds until a failed pod may be replaced."""
        failures = total(self.status, "failed")
        ends = [ended_at(pod, self.now) for pod in self.pods if outcome(pod) == "failed"]
        if not failures or not ends:
            return 0.0
        return max(ends) + min(FIRST_BACKOFF * 2 ** (failures - 1), LONGEST_BACKOFF) - self.now

    def _stop(self, pod: Object) -> None:
        self.result.delete(
            "pods", pod, Note(self.job, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")
        )

    def _end(self, verdict: tuple[str, str], failed: bool) -> None:
        """Say that the Job is decided, stop what still runs, and close it when all pods have been counted."""
        self._tell("FailureTarget" if failed else "SuccessCriteriaMet", verdict)
        for pod in self.active:
            self._stop(pod)
        if self.active or any(is_tracked(pod) for pod in self.pods):
            return
        self._tell("Failed" if failed else "Complete", verdict)
        if failed:
            self.result.note(Note(self.job, *verdict, type="Warning"))
        else:
            self.status["completionTime"] = timestamp(self.now)
            self.result.note(Note(self.job, "Completed", "Job completed"))

    def _tell(self, type: str, verdict: tuple[str, str]) -> None:
        told = {"type": type, "status": "True", "reason": verdict[0], "message": verdict[1]}
        if condition({"status": self.status}, type) is None:
            told["lastProbeTime"] = timestamp(self.now)
        self.status["conditions"] = with_condition(self.status.get("conditions", []), told, self.now)

    def _report(self) -> None:
        self.status["active"] = len(self.active)
        self.status["ready"] = sum(map(is_ready, self.active))
        self.status["terminating"] = sum(is_deleting(pod) and not is_finished(pod) for pod in self.pods)
        for name in ("active", "succeeded", "failed"):
            if not self.status[name]:
                del self.status[name]
        self.result.status("jobs", self.job, self.status)


CONTROLLER = Controller("job-controller", plan, {"jobs": itself, "pods": owner_or_adopters("jobs", "Job")})
