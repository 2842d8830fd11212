"""Counting pods that have ended, each exactly once, whenever anybody is stopped.

Each pod carries a finalizer until its end has been counted in its Job's status: first its uid is noted
there, then the finalizer goes, then the note becomes a number.
"""

from __future__ import annotations

from collections.abc import Mapping

from raglab.pocket.client import Object
from raglab.pocket.control import indexes
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


def outcome(pod: Object, patient: bool = False) -> str:
    """``succeeded`` or ``failed`` for a pod that counts as ended, else "".

    One that is being deleted has failed, for the `patient` only when it has ended.
    """
    if phase(pod) == "Succeeded":
        return "succeeded"
    return "failed" if phase(pod) == "Failed" or (is_deleting(pod) and not patient) else ""


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


def count(status: Object, ended: Mapping[str, list[Object]], result: Plan) -> None:
    """Move ended pods one stage on, in `status` (which is changed) and in the plan."""
    noted = status.setdefault("uncountedTerminatedPods", {})
    for result_name in ("succeeded", "failed"):
        tracked = {pod["metadata"]["uid"]: pod for pod in ended.get(result_name, ()) if is_tracked(pod)}
        before = noted.get(result_name, [])
        waiting = [uid for uid in before if uid in tracked]
        for uid in waiting:
            release(tracked[uid], result)
        status[result_name] = status.get(result_name, 0) + len(before) - len(waiting)
        noted[result_name] = waiting + [uid for uid in tracked if uid not in before]


def complete(status: Object, succeeded: list[Object], result: Plan) -> set[int]:
    """The same for the pods of an Indexed Job that have succeeded: what is noted is their numbers. Returns those."""
    before = indexes.read(status.get("completedIndexes", ""))
    for pod in succeeded:
        if indexes.index_of(pod) in before:
            release(pod, result)
    found = before | {index for pod in succeeded if (index := indexes.index_of(pod)) is not None}
    status["completedIndexes"] = indexes.write(found)
    status["succeeded"] = len(found)
    return found


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
