"""CronJobs at a time of the test's choosing: what is started, what is not, and what is let go of."""

from collections import defaultdict

import pytest

from raglab.pocket.clock import timestamp
from raglab.pocket.controllers import cronjobs
from raglab.pocket.informer import Cache
from raglab.pocket.objects import seconds
from tests.unit.controllers.objects import job

BORN, NOON = "2026-11-24T11:58:30Z", "2026-11-24T12:00:00Z"


def cron_job(schedule="0 * * * *", status=None, created=BORN, **spec):
    template = {"metadata": {"labels": {"a": "b"}}, "spec": job()["spec"]}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "c", "namespace": "default", "uid": "cj", "creationTimestamp": created},
        "spec": {"schedule": schedule, "jobTemplate": template} | spec,
        "status": status or {},
    }


def started(name, outcome="", due=NOON, at=NOON):
    item = job(name)
    owner = {"uid": "cj", "kind": "CronJob", "name": "c", "controller": True}
    item["metadata"] |= {"uid": name, "ownerReferences": [owner]}
    item["metadata"]["annotations"] = {cronjobs.SCHEDULED: due} if due else {}
    item["status"] = {"startTime": at}
    if outcome:
        item["status"]["conditions"] = [{"type": outcome, "status": "True"}]
        item["status"] |= {"completionTime": at} if outcome == "Complete" else {}
    return item


def look(now, owner=None, jobs=()):
    view = defaultdict(Cache, cronjobs=Cache([owner or cron_job()]), jobs=Cache(jobs))
    return cronjobs.plan(view, ("default", "c"), seconds(now))


def done(plan):
    return [(item.verb, item.obj["metadata"]["name"]) for item in plan.actions if item.resource == "jobs"]


def told(plan):
    return [note.reason for note in plan.notes]


def status(plan):
    (action,) = [item for item in plan.actions if item.subresource == "status"]
    return action.obj["status"]


def test_waits_for_its_time():
    plan = look("2026-11-24T11:59:00Z")
    assert not plan.actions and plan.again == 60


def test_starts_a_job_named_after_its_minute():
    plan = look("2026-11-24T12:00:01Z")
    create = plan.actions[0]
    name = f"c-{int(seconds(NOON)) // 60}"
    assert done(plan) == [("create", name)]
    meta = create.obj["metadata"]
    assert meta["labels"] == {"a": "b"} and meta["annotations"] == {cronjobs.SCHEDULED: NOON}
    assert meta["ownerReferences"][0]["uid"] == "cj"
    assert status(plan)["lastScheduleTime"] == NOON
    assert plan.again == 3599
    assert not done(look("2026-11-24T12:00:01Z", jobs=[started(name)]))
    assert not look("2026-11-24T12:30:00Z", cron_job(status={"lastScheduleTime": NOON})).actions


def test_counts_by_the_clocks_of_its_time_zone():
    owner = cron_job("0 13 * * *", timeZone="Europe/Berlin")
    plan = look("2026-11-24T12:00:01Z", owner)
    assert plan.actions[0].obj["metadata"]["annotations"][cronjobs.SCHEDULED] == "2026-11-24T13:00:00+01:00"


@pytest.mark.parametrize(
    ("policy", "actions", "reasons"),
    [
        ("Allow", ["create"], []),
        ("Forbid", [], ["JobAlreadyActive"]),
        ("Replace", ["delete", "create"], []),
    ],
)
def test_concurrency(policy, actions, reasons):
    earlier = {"uid": "early", "name": "early"}
    owner = cron_job(concurrencyPolicy=policy, status={"active": [earlier]})
    plan = look("2026-11-24T12:00:01Z", owner, [started("early", due="2026-11-24T11:00:00Z")])
    assert [verb for verb, _ in done(plan)] == actions and told(plan) == reasons
    assert plan.again == 3599


def test_too_late_is_not_started_and_many_missed_are_told():
    assert not done(look("2026-11-24T12:00:31Z", cron_job(startingDeadlineSeconds=30)))
    assert done(look("2026-11-24T12:00:29Z", cron_job(startingDeadlineSeconds=30)))
    away = cron_job("* * * * *", created="2026-09-01T00:00:00Z")
    plan = look("2026-11-24T12:00:01Z", away)
    assert told(plan) == ["TooManyMissedTimes"] and status(plan)["lastScheduleTime"] == NOON


def test_suspended_starts_nothing():
    assert look("2026-11-24T12:00:01Z", cron_job(suspend=True)).actions == []


def test_keeps_account_of_its_jobs():
    jobs = [
        started("running"),
        started("over", "Complete", at="2026-11-24T12:05:00Z"),
        started("mine", due=""),
    ]
    known = [{"uid": name, "name": name} for name in ("over", "lost")]
    owner = cron_job(status={"active": known, "lastScheduleTime": NOON})
    plan = look("2026-11-24T12:10:00Z", owner, jobs)
    assert told(plan) == ["SawCompletedJob", "MissingJob", "UnexpectedJob"]
    assert plan.notes[0].message == "Saw completed job: over, condition: Complete"
    found = status(plan)
    assert [item["name"] for item in found["active"]] == ["running"]
    assert found["lastSuccessfulTime"] == "2026-11-24T12:05:00Z"


def test_lets_go_of_the_oldest():
    def many(outcome):
        return [
            started(f"{outcome.lower()}{hour}", outcome, at=f"2026-11-24T0{hour}:00:00Z") for hour in range(4)
        ]

    owner = cron_job(
        status={"lastScheduleTime": NOON}, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1
    )
    plan = look("2026-11-24T12:10:00Z", owner, [*many("Complete"), *many("Failed")])
    names = ["complete0", "failed0", "failed1", "failed2"]
    assert done(plan) == [("delete", name) for name in names]
    assert plan.actions[0].done.message == "Deleted job complete0"


def test_an_interval_counts_from_the_last_start():
    owner = cron_job("@every 90s", status={"lastScheduleTime": NOON})
    assert look(timestamp(seconds(NOON) + 60), owner).again == 30
    plan = look(timestamp(seconds(NOON) + 100), owner)
    assert [verb for verb, _ in done(plan)] == ["create"]
    assert status(plan)["lastScheduleTime"] == "2026-11-24T12:01:30Z"
