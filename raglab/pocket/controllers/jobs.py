"""Job: runs pods until enough of them have succeeded."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from itertools import islice, repeat

from raglab.pocket.client import Object
from raglab.pocket.clock import timestamp
from raglab.pocket.control.adoption import itself, owner_or_adopters
from raglab.pocket.control.indexes import index_of, is_indexed, missing, numbered
from raglab.pocket.control.judging import Verdict, pause, ruling, seconds_left, verdict, wanted
from raglab.pocket.control.reconcile import Controller, Note, Plan, View
from raglab.pocket.control.tracking import (
    complete,
    count,
    is_left_by,
    is_tracked,
    new_pod,
    outcome,
    release,
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
        self.suspended = self.spec.get("suspend", False)
        patient = self.spec.get("podReplacementPolicy") == "Failed"
        self.ended: dict[str, list[Object]] = {"succeeded": [], "failed": [], "": []}
        for pod in pods:
            self.ended[outcome(pod, patient)].append(pod)
        self.active = sorted(self.ended[""], key=lambda pod: index_of(pod) or 0)

    def take(self) -> None:
        self._count()
        if not self.suspended:
            self.status.setdefault("startTime", timestamp(self.now))
        found = verdict(self.job, self.status, self.active, self.ended["failed"], self.now)
        if found:
            self._end(found)
        else:
            self.result.look_again(seconds_left(self.job, self.status, self.now))
            self._resize(wanted(self.job, self.status, len(self.active)))
            self._tell_suspension()
        self._report()

    def _count(self) -> None:
        """Count who has ended. Pods that were stopped as the Job rests, or that are to be ignored, have not failed."""
        counted = {"succeeded": self.ended["succeeded"], "failed": []}
        for pod in self.ended["failed"]:
            stopped = self.suspended and not is_finished(pod)
            if stopped or ruling(self.job, pod)[0] == "Ignore":
                release(pod, self.result)
            else:
                counted["failed"].append(pod)
        self.ended["failed"], self.done = counted["failed"], set[int]()
        if is_indexed(self.job):
            self.done = complete(self.status, counted.pop("succeeded"), self.result)
        count(self.status, counted, self.result)

    def _tell_suspension(self) -> None:
        """A condition says that the Job rests, or rests no longer; then its time begins anew."""
        known = condition({"status": self.status}, "Suspended")
        if self.suspended == (known is not None and known["status"] == "True"):
            return
        word = "suspended" if self.suspended else "resumed"
        why = Verdict(f"Job{word.capitalize()}", f"Job {word}")
        self._tell("Suspended", why, str(self.suspended))
        self.result.note(Note(self.job, word.capitalize(), f"Job {word}"))
        if not self.suspended:
            self.status["startTime"] = timestamp(self.now)

    def _resize(self, wanted: int) -> None:
        lacking = wanted - len(self.active)
        if lacking > 0:
            rest = pause(self.status, self.ended["failed"], self.now)
            if rest > 0:
                self.result.look_again(rest)
                return
        created = Note(self.job, "SuccessfulCreate", "Created pod: {name}")
        refused = Note(self.job, "FailedCreate", "Error creating: {error}", "Warning")
        for pod in islice(self._new_pods(), max(0, lacking)):
            self.result.create("pods", pod, created, refused)
        for pod in self.active[wanted:]:
            self._stop(pod)

    def _new_pods(self) -> Iterator[Object]:
        """As many pods as anybody wants, for an Indexed Job one for each number that has none."""
        pod = new_pod(self.job)
        if not is_indexed(self.job):
            return repeat(pod)
        taken = self.done | {index_of(item) for item in self.active}
        return (numbered(pod, self.job, index) for index in missing(self.spec["completions"], taken))

    def _stop(self, pod: Object) -> None:
        self.result.delete(
            "pods", pod, Note(self.job, "SuccessfulDelete", f"Deleted pod: {pod['metadata']['name']}")
        )

    def _end(self, found: Verdict) -> None:
        """Say that the Job is decided, stop what still runs, and close it when all pods have been counted."""
        self._tell("FailureTarget" if found.failed else "SuccessCriteriaMet", found)
        for pod in self.active:
            self._stop(pod)
        if self.active or any(is_tracked(pod) for pod in self.pods):
            return
        self._tell("Failed" if found.failed else "Complete", found)
        if found.failed:
            self.result.note(Note(self.job, found.reason, found.message, "Warning"))
        else:
            self.status["completionTime"] = timestamp(self.now)
            self.result.note(Note(self.job, "Completed", "Job completed"))

    def _tell(self, type: str, why: Verdict, status: str = "True") -> None:
        told = {"type": type, "status": status, "reason": why.reason, "message": why.message}
        if (condition({"status": self.status}, type) or {}).get("status") != status:
            told["lastProbeTime"] = timestamp(self.now)
        self.status["conditions"] = with_condition(self.status.get("conditions", []), told, self.now)

    def _report(self) -> None:
        self.status["active"] = sum(not is_deleting(pod) for pod in self.active)
        self.status["ready"] = sum(map(is_ready, self.active))
        self.status["terminating"] = sum(is_deleting(pod) and not is_finished(pod) for pod in self.pods)
        for name in ("active", "succeeded", "failed"):
            if not self.status[name]:
                del self.status[name]
        self.result.status("jobs", self.job, self.status)


CONTROLLER = Controller("job-controller", plan, {"jobs": itself, "pods": owner_or_adopters("jobs", "Job")})
