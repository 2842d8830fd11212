"""What a Deployment reports: counts, and the conditions Available and Progressing that ``kubectl rollout``
reads.
"""

from __future__ import annotations

from raglab.pocket.client import Object
from raglab.pocket.clock import timestamp
from raglab.pocket.control.rollout import Limits
from raglab.pocket.objects import condition, seconds, with_condition

_TOLD = ("type", "status", "reason", "message")


def reported(replica_set: Object | None, count: str) -> int:
    """A count in a ReplicaSet's status, 0 if absent."""
    return (replica_set or {}).get("status", {}).get(count, 0)


def is_complete(deployment: Object, status: Object) -> bool:
    """All replicas are of the newest version and available, and no old pod is left."""
    replicas = deployment["spec"].get("replicas", 1)
    counts = ("updatedReplicas", "replicas", "availableReplicas")
    return all(status.get(count, 0) == replicas for count in counts)


def status_of(
    deployment: Object, new: Object | None, sets: list[Object], limits: Limits, now: float
) -> Object:
    """The Deployment's status as its ReplicaSets (`new` is the newest version, if it exists) stand now."""
    old = deployment.get("status", {})
    wanted = sum(item["spec"].get("replicas", 1) for item in sets)
    available = sum(reported(item, "availableReplicas") for item in sets)
    counts = {
        "replicas": sum(reported(item, "replicas") for item in sets),
        "updatedReplicas": reported(new, "replicas"),
        "readyReplicas": sum(reported(item, "readyReplicas") for item in sets),
        "availableReplicas": available,
        "unavailableReplicas": max(0, wanted - available),
        "collisionCount": old.get("collisionCount", 0),
    }
    status = {name: count for name, count in counts.items() if count}
    status["terminatingReplicas"] = sum(reported(item, "terminatingReplicas") for item in sets)
    status["observedGeneration"] = deployment["metadata"].get("generation", 0)
    conditions = with_condition(old.get("conditions", []), _available(available >= limits.fewest), now)
    conditions = _failing(new, _progressing(deployment, new, status, conditions, now), now)
    status["conditions"] = _updated(old, conditions, now)
    return status


def seconds_to_deadline(deployment: Object, status: Object, now: float) -> float | None:
    """How long the rollout may go on without progress; None if it is over or may take for ever."""
    progressing = condition({"status": status}, "Progressing")
    if progressing is None or progressing["reason"] in ("NewReplicaSetAvailable", "ProgressDeadlineExceeded"):
        return None
    if progressing["status"] == "Unknown" or "progressDeadlineSeconds" not in deployment["spec"]:
        return None
    return max(0.0, _deadline(deployment, progressing) - now)


def _deadline(deployment: Object, progressing: Object) -> float:
    return seconds(progressing["lastUpdateTime"]) + deployment["spec"]["progressDeadlineSeconds"]


def _available(enough: bool) -> Object:
    has = "has" if enough else "does not have"
    return {
        "type": "Available",
        "status": str(enough),
        "reason": "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable",
        "message": f"Deployment {has} minimum availability.",
    }


def _progressing(
    deployment: Object, new: Object | None, status: Object, conditions: list[Object], now: float
) -> list[Object]:
    """Conditions with Progressing brought up to date."""
    current = condition({"status": {"conditions": conditions}}, "Progressing")
    told = _progress_told(deployment, new, status, current, now)
    return conditions if told is None else with_condition(conditions, told, now)


def _progress_told(
    deployment: Object, new: Object | None, status: Object, current: Object | None, now: float
) -> Object | None:
    """The Progressing condition to set, or None to leave it."""
    spec, reason = deployment["spec"], (current or {}).get("reason", "")
    if spec.get("paused"):
        return _progress("Unknown", "DeploymentPaused", "Deployment is paused")
    if reason == "DeploymentPaused":
        return _progress("Unknown", "DeploymentResumed", "Deployment is resumed")
    if "progressDeadlineSeconds" not in spec or new is None:
        return None
    name = f'ReplicaSet "{new["metadata"]["name"]}"'
    if is_complete(deployment, status):
        return _progress("True", "NewReplicaSetAvailable", f"{name} has successfully progressed.")
    if current is None or (reason == "NewReplicaSetAvailable" and _is_new_version(new, current)):
        return _progress(
            "True", "NewReplicaSetCreated", f'Created new replica set "{new["metadata"]["name"]}"'
        )
    if reason == "NewReplicaSetAvailable":
        return None  # a scaled or recovering Deployment of a version that was rolled out before
    if _has_moved(deployment.get("status", {}), status):
        moved = _progress("True", "ReplicaSetUpdated", f"{name} is progressing.")
        return moved | {"lastUpdateTime": timestamp(now)}
    if reason != "ProgressDeadlineExceeded" and now >= _deadline(deployment, current):
        return _progress("False", "ProgressDeadlineExceeded", f"{name} has timed out progressing.")
    return None


def _failing(new: Object | None, conditions: list[Object], now: float) -> list[Object]:
    """Conditions with what keeps the newest ReplicaSet from creating pods, if anything does."""
    told = condition(new or {}, "ReplicaFailure")
    if told is None:
        return [item for item in conditions if item["type"] != "ReplicaFailure"]
    return with_condition(conditions, {key: told[key] for key in _TOLD}, now)


def _is_new_version(new: Object, current: Object) -> bool:
    return f'"{new["metadata"]["name"]}"' not in current["message"]


def _has_moved(old: Object, status: Object) -> bool:
    """More new pods, fewer old ones, or more that are ready than when last reported."""
    old_pods = old.get("replicas", 0) - old.get("updatedReplicas", 0)
    fewer_old = status.get("replicas", 0) - status.get("updatedReplicas", 0) < old_pods
    growing = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return fewer_old or any(status.get(count, 0) > old.get(count, 0) for count in growing)


def _progress(status: str, reason: str, message: str) -> Object:
    return {"type": "Progressing", "status": status, "reason": reason, "message": message}


def _updated(old: Object, conditions: list[Object], now: float) -> list[Object]:
    """Conditions with `lastUpdateTime` set on those that changed."""
    before = old.get("conditions", [])
    return [item if item in before else {**item, "lastUpdateTime": timestamp(now)} for item in conditions]
