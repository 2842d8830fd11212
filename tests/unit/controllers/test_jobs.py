"""Jobs: on the real registry, and their timing in virtual time."""

from collections import defaultdict

import pytest

from raglab.pocket.clock import timestamp
from raglab.pocket.control import indexes
from raglab.pocket.control.tracking import FINALIZER
from raglab.pocket.controllers import jobs
from raglab.pocket.informer import Cache
from tests.unit.controllers.objects import job

UID = {"ownerReferences": [{"uid": "j", "controller": True, "kind": "Job", "name": "once"}]}


def conditions(found):
    return [(item["type"], item["reason"], item["message"]) for item in found["status"].get("conditions", ())]


def ended(cluster, name="once"):
    async def check():
        found = await cluster.get("jobs", name)
        types = {item["type"] for item in found.get("status", {}).get("conditions", ())}
        return found if types & {"Complete", "Failed"} else None

    return cluster.until(check)


async def test_completes_as_recorded(cluster):
    await cluster.create("jobs", job(annotations={"test/phase": "Succeeded"}))
    found = await ended(cluster)
    reached = ("CompletionsReached", "Reached expected number of succeeded pods")
    assert conditions(found) == [("SuccessCriteriaMet", *reached), ("Complete", *reached)]
    status = found["status"]
    assert (status["succeeded"], status["ready"], status["terminating"]) == (1, 0, 0)
    assert status["startTime"] <= status["completionTime"]
    (pod,) = await cluster.list("pods")
    assert await cluster.events("once") == [
        ("SuccessfulCreate", f"Created pod: {pod['metadata']['name']}"),
        ("Completed", "Job completed"),
    ]
    assert not pod["metadata"].get("finalizers")
    assert pod["metadata"]["labels"]["batch.kubernetes.io/job-name"] == "once"


async def test_runs_as_many_as_needed_and_not_more_at_once_than_allowed(cluster):
    await cluster.create("jobs", job(annotations={"test/phase": "Succeeded"}, completions=5, parallelism=2))
    found = await ended(cluster)
    assert found["status"]["succeeded"] == 5
    assert len(await cluster.list("pods")) == 5


async def test_fails_at_the_backoff_limit(cluster):
    await cluster.create("jobs", job(annotations={"test/phase": "Failed"}, backoffLimit=0))
    found = await ended(cluster)
    why = ("BackoffLimitExceeded", "Job has reached the specified backoff limit")
    assert conditions(found) == [("FailureTarget", *why), ("Failed", *why)]
    assert found["status"]["failed"] == 1
    assert (await cluster.events("once"))[-1] == why


async def test_finished_job_goes_away_with_its_pods(cluster):
    await cluster.create("jobs", job(annotations={"test/phase": "Succeeded"}, ttlSecondsAfterFinished=0))

    async def gone():
        return await cluster.get("jobs", "once") is None and not await cluster.list("pods")

    await cluster.until(gone)


@pytest.mark.parametrize("propagation", ["Foreground", "Background"])
async def test_deleted_job_leaves_no_pod_behind(cluster, propagation):
    await cluster.create("jobs", job())

    async def running():
        return [item for item in await cluster.list("pods") if item["status"].get("podIP")]

    await cluster.until(running)
    await cluster.client.delete("jobs", "once", "default", propagation=propagation)

    async def gone():
        return await cluster.get("jobs", "once") is None and not await cluster.list("pods")

    await cluster.until(gone)


def look(now, pods=(), status=None, **spec):
    """The plan for a Job with these pods."""
    stored = job(**spec)
    stored["metadata"] |= {"uid": "j"}
    stored["status"] = status or {}
    view = defaultdict(Cache, jobs=Cache([stored]), pods=Cache(pods))
    return jobs.plan(view, ("default", "once"), now)


def failed_pod(name, at):
    terminated = {"state": {"terminated": {"exitCode": 1, "finishedAt": timestamp(at)}}}
    return {
        "metadata": {"name": name, "namespace": "default", "uid": name, **UID},
        "spec": {},
        "status": {"phase": "Failed", "containerStatuses": [terminated]},
    }


def creates(plan):
    return [action for action in plan.actions if action.verb == "create"]


def test_failed_pod_is_replaced_after_a_pause_that_doubles(clock):
    pods = [failed_pod("one", clock.now)]
    first = look(clock.now, pods, {"failed": 1, "startTime": timestamp(clock.now)}, backoffLimit=6)
    assert not creates(first) and first.again == 10
    assert len(creates(look(clock.now + 10, pods, {"failed": 1}, backoffLimit=6))) == 1
    third = look(clock.now, pods, {"failed": 3}, backoffLimit=6)
    assert not creates(third) and third.again == 40


def test_deadline_ends_the_job_and_is_waited_for(clock):
    started = {"startTime": timestamp(clock.now)}
    assert look(clock.now + 10, (), started, activeDeadlineSeconds=60).again == 50
    late = look(clock.now + 60, (), started, activeDeadlineSeconds=60)
    (update,) = late.actions
    assert [(item["type"], item["reason"]) for item in update.obj["status"]["conditions"]] == [
        ("FailureTarget", "DeadlineExceeded"), ("Failed", "DeadlineExceeded"),
    ]  # fmt: skip


def test_pod_is_counted_once_however_often_the_job_is_looked_at(clock):
    """Its way: tracked by a finalizer, noted in the status, released, counted."""
    pod = failed_pod("one", clock.now)
    pod["metadata"]["finalizers"] = [FINALIZER]
    noted = look(clock.now, [pod], {}, backoffLimit=0).actions[-1].obj["status"]
    assert noted["uncountedTerminatedPods"]["failed"] == ["one"] and "failed" not in noted
    again = look(clock.now, [pod], noted, backoffLimit=0)
    assert again.actions[0].patch["metadata"]["finalizers"] == []
    del pod["metadata"]["finalizers"]
    counted = look(clock.now, [pod], noted, backoffLimit=0).actions[-1].obj["status"]
    assert counted["failed"] == 1 and not counted["uncountedTerminatedPods"]["failed"]


def test_suspended_job_starts_nothing(clock):
    assert not creates(look(clock.now, (), suspend=True))


def numbered_pod(index, phase="Running", **meta):
    annotations = {indexes.INDEX: str(index)}
    metadata = {
        "name": f"once-{index}",
        "namespace": "default",
        "uid": f"u{index}",
        "annotations": annotations,
    }
    status = {"phase": phase, "containerStatuses": []}
    return {"metadata": metadata | UID | {"finalizers": [FINALIZER]} | meta, "spec": {}, "status": status}


def test_indexed_pods_get_the_numbers_that_nobody_has(clock):
    pods = [numbered_pod(0, "Succeeded"), numbered_pod(2), numbered_pod(3, "Failed", finalizers=[])]
    spec = {"completionMode": "Indexed", "completions": 5, "parallelism": 3}
    plan = look(clock.now + 60, pods, {"startTime": timestamp(clock.now)}, **spec)
    first, second = creates(plan)
    assert [item.obj["metadata"]["generateName"] for item in (first, second)] == ["once-1-", "once-3-"]
    assert first.obj["spec"]["hostname"] == "once-1"
    (variable,) = first.obj["spec"]["containers"][0]["env"]
    assert variable["name"] == "JOB_COMPLETION_INDEX"
    assert first.obj["metadata"]["labels"][indexes.INDEX] == "1"
    status = plan.actions[-1].obj["status"]
    assert (status["completedIndexes"], status["succeeded"]) == ("0", 1)
    again = look(clock.now + 60, pods, status, **spec)
    assert again.actions[0].patch["metadata"]["finalizers"] == []


async def test_indexed_job_completes(cluster):
    spec = {"completionMode": "Indexed", "completions": 5, "parallelism": 2}
    await cluster.create("jobs", job(annotations={"test/phase": "Succeeded"}, **spec))
    found = await ended(cluster)
    assert (found["status"]["completedIndexes"], found["status"]["succeeded"]) == ("0-4", 5)
    assert len(await cluster.list("pods")) == 5


@pytest.mark.parametrize("numbers", [set(), {0}, {0, 1}, {0, 1, 2}, {1, 3, 4, 5, 9}])
def test_numbers_as_a_status_lists_them(numbers):
    assert indexes.read(indexes.write(numbers)) == numbers
    assert indexes.write({1, 2, 4, 5, 6, 8}) == "1,2,4-6,8"


async def test_suspending_stops_pods_and_resuming_starts_them_anew(cluster):
    await cluster.create("jobs", job())

    async def active():
        return (await cluster.get("jobs", "once")).get("status", {}).get("active")

    await cluster.until(active)
    await cluster.client.patch("jobs", "once", "default", {"spec": {"suspend": True}})

    async def at_rest():
        found = await cluster.get("jobs", "once")
        return conditions(found) == [
            ("Suspended", "JobSuspended", "Job suspended")
        ] and not await cluster.list("pods")

    await cluster.until(at_rest)
    assert "failed" not in (await cluster.get("jobs", "once"))["status"]
    await cluster.client.patch("jobs", "once", "default", {"spec": {"suspend": False}})
    await cluster.until(active)
    told = [reason for reason, _ in await cluster.events("once")]
    assert told.count("SuccessfulCreate") == 2 and {"SuccessfulDelete", "Suspended", "Resumed"} <= set(told)


@pytest.mark.parametrize(
    ("rule", "counted", "verdict"),
    [
        ({"action": "FailJob", "onExitCodes": {"operator": "In", "values": [42]}}, 1, "PodFailurePolicy"),
        ({"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]}, 0, ""),
        ({"action": "Ignore", "onExitCodes": {"operator": "NotIn", "values": [42]}}, 1, ""),
    ],
)
def test_failure_policy(clock, rule, counted, verdict):
    pod = numbered_pod(0, "Failed")
    pod["status"] = {
        "phase": "Failed",
        "containerStatuses": [{"name": "c", "state": {"terminated": {"exitCode": 42}}}],
        "conditions": [{"type": "DisruptionTarget", "status": "True"}],
    }
    status = look(clock.now, [pod], {}, podFailurePolicy={"rules": [rule]}).actions[-1].obj["status"]
    assert len(status["uncountedTerminatedPods"]["failed"]) == counted
    told = [item["reason"] for item in status.get("conditions", ())]
    assert told == ([verdict] if verdict else [])
    if verdict:
        assert status["conditions"][0]["message"] == (
            "Container c for pod default/once-0 failed with exit code 42 matching FailJob rule at index 0"
        )


def test_a_patient_job_replaces_pods_only_when_they_have_ended(clock):
    leaving = numbered_pod(0, deletionTimestamp=timestamp(clock.now))
    assert look(clock.now, [leaving], podReplacementPolicy="TerminatingOrFailed").again == 10
    patient = look(clock.now, [leaving], podReplacementPolicy="Failed")
    assert patient.again is None and not creates(patient)
