"""Counting pods that have ended, each exactly once, whenever anybody is stopped.

Each pod carries a finalizer until its end has been counted in its Job's status: first its uid is noted
there, then the finalizer goes, then the note becomes a number.
"""

from __future__ import annotations

from raglab.pocket.client import Object
from raglab.pocket.control.reconcile import Plan
from raglab.pocket.objects import (
    controller_of,
    is_controlled_by,
    is_deleting,
    labels_of,
    owner_reference,
    phase,
    seconds,
)

FINALIZER = "batch.kubernetes.io/job-tracking"


def outcome(pod: Object) -> str:
    """``succeeded`` or ``failed`` for a pod that counts as ended, else ""; one that is being deleted has
    failed.
    """
    if phase(pod) == "Succeeded":
        return "succeeded"
    return "failed" if phase(pod) == "Failed" or is_deleting(pod) else ""


def is_tracked(pod: Object) -> bool:
    """Its end has not been counted."""
    return FINALIZER in pod["metadata"].get("finalizers", ())


def ended_at(pod: Object, otherwise: float) -> float:
    """When its last container ended; `otherwise` if that is not known."""
    containers = pod.get("status", {}).get("containerStatuses", ())
    ends = (item.get("state", {}).get("terminated", {}).get("finishedAt") for item in containers)
    return max((seconds(end) for end in ends if end), default=otherwise)


def release(pod: Object, result: Plan) -> None:
    """Plan to take the finalizer from a pod that has it."""
    if is_tracked(pod):
        kept = [item for item in pod["metadata"]["finalizers"] if item != FINALIZER]
        result.patch("pods", pod, {"metadata": {"uid": pod["metadata"]["uid"], "finalizers": kept}})


def count(status: Object, pods: list[Object], result: Plan) -> None:
    """Move ended pods one stage on, in `status` (which is changed) and in the plan."""
    noted = status.setdefault("uncountedTerminatedPods", {})
    tracked = {pod["metadata"]["uid"]: pod for pod in pods if is_tracked(pod)}
    for result_name in ("succeeded", "failed"):
        before = noted.get(result_name, [])
        waiting = [uid for uid in before if uid in tracked]
        for uid in waiting:
            release(tracked[uid], result)
        status[result_name] = status.get(result_name, 0) + len(before) - len(waiting)
        fresh = [uid for uid, pod in tracked.items() if outcome(pod) == result_name and uid not in before]
        noted[result_name] = waiting + fresh


def total(status: Object, result_name: str) -> int:
    """Pods that have ended in this way, counted or noted."""
    return int(status.get(result_name, 0)) + len(status["uncountedTerminatedPods"][result_name])


def is_left_by(name: str, job: Object | None, pod: Object) -> bool:
    """A pod of a Job of this name that is gone: nobody will count its end."""
    ref = controller_of(pod)
    return (
        ref is not None
        and (ref["kind"], ref["name"]) == ("Job", name)
        and not (job and is_controlled_by(pod, job))
    )


def new_pod(job: Object) -> Object:
    """A tracked pod from the Job's template."""
    meta, template = job["metadata"], job["spec"]["template"]
    names = {"controller-uid": meta["uid"], "job-name": meta["name"]}
    names |= {f"batch.kubernetes.io/{key}": value for key, value in names.items()}
    metadata = {
        "generateName": meta["name"] + "-",
        "namespace": meta["namespace"],
        "labels": labels_of(template) | names if "metadata" in template else names,
        "annotations": template.get("metadata", {}).get("annotations", {}),
        "finalizers": [FINALIZER],
        "ownerReferences": [owner_reference(job)],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
