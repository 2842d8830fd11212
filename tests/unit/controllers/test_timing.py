"""Where time matters to workloads: readiness for a while, and roll-outs that make no progress."""

from collections import defaultdict

from raglab.pocket.clock import timestamp
from raglab.pocket.control.progress import seconds_to_deadline, status_of
from raglab.pocket.control.rollout import Limits
from raglab.pocket.controllers import replicasets
from raglab.pocket.informer import Cache
from tests.unit.controllers.objects import deployment, pod, replica_set


def ready_pod(owner, since):
    item = pod("p", labels={"app": "rs"})
    refs = [{"uid": owner["metadata"]["uid"], "controller": True, "kind": "ReplicaSet", "name": "rs"}]
    item["metadata"] |= {"uid": "p", "ownerReferences": refs, "creationTimestamp": timestamp(since)}
    conditions = [{"type": "Ready", "status": "True", "lastTransitionTime": timestamp(since)}]
    return item | {"status": {"phase": "Running", "conditions": conditions}}


def look(now, min_ready, since):
    owner = replica_set(replicas=1, minReadySeconds=min_ready)
    owner["metadata"] |= {"uid": "rs", "generation": 1}
    view = defaultdict(Cache, replicasets=Cache([owner]), pods=Cache([ready_pod(owner, since)]))
    plan = replicasets.plan(view, ("default", "rs"), now)
    return plan.actions[0].obj["status"], plan.again


def test_pod_is_available_after_being_ready_for_min_ready_seconds(clock):
    status, again = look(clock.now + 4, 10, clock.now)
    assert status["readyReplicas"] == 1 and "availableReplicas" not in status and again == 6
    status, again = look(clock.now + 10, 10, clock.now)
    assert status["availableReplicas"] == 1 and again is None


def rolling(stored, now, available=0):
    new = replica_set("web-1", replicas=1)
    new["status"] = {"replicas": 1, "readyReplicas": available, "availableReplicas": available}
    return status_of(stored, new, [new], Limits(1), now)


def progressing(status):
    (found,) = [item for item in status["conditions"] if item["type"] == "Progressing"]
    return found["status"], found["reason"], found["message"]


def test_rollout_without_progress_fails_at_its_deadline_and_recovers(clock):
    stored = deployment(replicas=1, progressDeadlineSeconds=600)
    stored["metadata"]["generation"] = 1
    stored["status"] = rolling(stored, clock.now)
    assert progressing(stored["status"]) == (
        "True",
        "NewReplicaSetCreated",
        'Created new replica set "web-1"',
    )
    assert seconds_to_deadline(stored, stored["status"], clock.now + 100) == 500
    assert rolling(stored, clock.now + 599) == stored["status"]
    stored["status"] = rolling(stored, clock.now + 600)
    late = ("False", "ProgressDeadlineExceeded", 'ReplicaSet "web-1" has timed out progressing.')
    assert progressing(stored["status"]) == late
    assert seconds_to_deadline(stored, stored["status"], clock.now + 600) is None
    done = rolling(stored, clock.now + 700, available=1)
    assert progressing(done) == (
        "True",
        "NewReplicaSetAvailable",
        'ReplicaSet "web-1" has successfully progressed.',
    )


def test_transition_time_is_kept_while_the_status_stays(clock):
    stored = deployment(replicas=1, progressDeadlineSeconds=600)
    stored["status"] = rolling(stored, clock.now)
    done = rolling(stored, clock.now + 5, available=1)
    found = {item["type"]: item for item in done["conditions"]}
    assert found["Progressing"]["lastTransitionTime"] == timestamp(clock.now)
    assert found["Progressing"]["lastUpdateTime"] == timestamp(clock.now + 5)
    assert found["Available"]["lastTransitionTime"] == timestamp(clock.now + 5)
