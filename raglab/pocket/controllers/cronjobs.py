"""CronJob: starts Jobs when they are due, lets go of old ones, and says which run."""

from __future__ import annotations

from datetime import datetime

from raglab.pocket.client import Object
from raglab.pocket.clock import timestamp
from raglab.pocket.control.adoption import itself, owner_or_adopters
from raglab.pocket.control.reconcile import Controller, Note, Plan, View
from raglab.pocket.control.timetable import MANY, due, zone_of
from raglab.pocket.events import reference
from raglab.pocket.informer import Key
from raglab.pocket.objects import annotations_of, condition, is_controlled_by, is_deleting, owner_reference

SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"
"""Annotation of a Job: the time it was due. Only those that were started here have it."""
LIMITS = {"Complete": "successfulJobsHistoryLimit", "Failed": "failedJobsHistoryLimit"}
TOO_MANY = "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew"
BUSY = "Not starting job because prior execution is running and concurrency policy is Forbid"


def plan(view: View, key: Key, now: float) -> Plan:
    """Look at the Jobs there are, then at the clock."""
    result = Plan()
    cron_job = view["cronjobs"].get(key[1], key[0])
    if cron_job is not None:
        _Look(view, cron_job, result, now).take()
    return result


def _outcome(job: Object) -> str:
    """``Complete`` or ``Failed``, "" while it runs."""
    return next((type for type in LIMITS if (condition(job, type) or {}).get("status") == "True"), "")


class _Look:
    """One look at a CronJob, with the plan being written."""

    def __init__(self, view: View, cron_job: Object, result: Plan, now: float) -> None:
        self.view, self.cron_job, self.result, self.now = view, cron_job, result, now
        self.spec, self.meta = cron_job["spec"], cron_job["metadata"]
        owned = view["jobs"].owned(self.meta["uid"])
        self.jobs = [job for job in owned if is_controlled_by(job, cron_job)]
        self.status: Object = dict(cron_job.get("status", {}))

    def take(self) -> None:
        self.running = [job for job in self.jobs if not _outcome(job)]
        self._tell_changes()
        self.active = [job for job in self.running if SCHEDULED in annotations_of(job)]
        for outcome, limit in LIMITS.items():
            self._forget([job for job in self.jobs if _outcome(job) == outcome], self.spec.get(limit))
        if not is_deleting(self.cron_job) and not self.spec.get("suspend"):
            self._keep_time()
        self._report()

    def _note(self, reason: str, message: str, type: str = "Normal") -> None:
        self.result.note(Note(self.cron_job, reason, message, type))

    def _tell_changes(self) -> None:
        """Jobs that have ended, vanished, or come from somebody else since the last look."""
        known = {item.get("uid", ""): item.get("name", "") for item in self.status.get("active", ())}
        there = {job["metadata"]["uid"]: job for job in self.jobs}
        for uid, name in known.items():
            if uid not in there:
                self._note("MissingJob", f"Active job went missing: {name}")
            elif outcome := _outcome(there[uid]):
                self._note("SawCompletedJob", f"Saw completed job: {name}, condition: {outcome}")
        for job in self.running:
            if SCHEDULED not in annotations_of(job):
                text = f"Saw a job that the controller did not create or forgot: {job['metadata']['name']}"
                self._note("UnexpectedJob", text, "Warning")

    def _forget(self, ended: list[Object], keep: int | None) -> None:
        """Delete the oldest of the Jobs that have ended in one way."""
        here = [job for job in ended if not is_deleting(job)]
        here.sort(key=lambda job: (job.get("status", {}).get("startTime", ""), job["metadata"]["name"]))
        for job in here[: max(0, len(here) - keep)] if keep is not None else ():
            self._delete(job)

    def _delete(self, job: Object) -> None:
        name = job["metadata"]["name"]
        self.result.delete("jobs", job, Note(self.cron_job, "SuccessfulDelete", f"Deleted job {name}"))

    def _keep_time(self) -> None:
        """Start what is due, unless it is too late or another still runs."""
        try:
            latest, missed, following = due(self.cron_job, self.now)
        except (ValueError, KeyError) as error:  # validation lets none through; time zones may go
            self._note("InvalidSchedule", f"invalid schedule: {self.spec['schedule']} : {error}", "Warning")
            return
        if following is not None:
            self.result.look_again(max(following - self.now, 0.1))
        if latest is None:
            return
        if missed > MANY and self.spec.get("startingDeadlineSeconds") is None:
            self._note("TooManyMissedTimes", TOO_MANY, "Warning")
        self._start(latest)

    def _start(self, moment: float) -> None:
        name = f"{self.meta['name']}-{int(moment) // 60}"
        started = self.view["jobs"].get(name, self.meta["namespace"])
        if started is not None:  # and its time perhaps not written down yet
            if is_controlled_by(started, self.cron_job):
                self.status["lastScheduleTime"] = timestamp(moment)
            return
        policy = self.spec.get("concurrencyPolicy", "Allow")
        if policy == "Forbid" and self.active:
            self._note("JobAlreadyActive", BUSY)
            return
        if policy == "Replace":
            for job in self.active:
                self._delete(job)
            self.active = []
        created = Note(self.cron_job, "SuccessfulCreate", "Created job {name}")
        refused = Note(self.cron_job, "FailedCreate", "Error creating job: {error}", "Warning")
        self.result.create("jobs", self._job(name, moment), created, refused)
        self.status["lastScheduleTime"] = timestamp(moment)

    def _job(self, name: str, moment: float) -> Object:
        template = self.spec["jobTemplate"]
        meta = template.get("metadata", {})
        local = datetime.fromtimestamp(moment, zone_of(self.cron_job))
        stamp = local.isoformat(timespec="seconds").replace("+00:00", "Z")
        metadata = {
            "name": name,
            "namespace": self.meta["namespace"],
            "labels": meta.get("labels") or {},
            "annotations": (meta.get("annotations") or {}) | {SCHEDULED: stamp},
            "ownerReferences": [owner_reference(self.cron_job)],
        }
        return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": template["spec"]}

    def _report(self) -> None:
        known = {item.get("uid", ""): item for item in self.status.get("active", ())}
        self.status["active"] = [known.get(job["metadata"]["uid"]) or reference(job) for job in self.active]
        ends = [
            job["status"]["completionTime"] for job in self.jobs if "completionTime" in job.get("status", {})
        ]
        if ends:
            self.status["lastSuccessfulTime"] = max([*ends, self.status.get("lastSuccessfulTime", "")])
        if not self.active:
            del self.status["active"]
        self.result.status("cronjobs", self.cron_job, self.status)


CONTROLLER = Controller(
    "cronjob-controller", plan, {"cronjobs": itself, "jobs": owner_or_adopters("cronjobs", "CronJob")}
)
