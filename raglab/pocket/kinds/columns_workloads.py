"""The columns of what runs pods: deployments, sets, jobs, and the autoscaler."""

from __future__ import annotations

from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.cells import (
    AGE,
    NAME,
    NONE,
    UNKNOWN,
    UNSET,
    Cell,
    Column,
    containers,
    count,
    field,
    has_condition,
    map_of_labels,
    selector,
    wide,
)
from raglab.pocket.kinds.duration import human, seconds, since
from raglab.pocket.kinds.paths import get

_TEMPLATE = "spec.template.spec"


def _number(name: str, path: str) -> Column:
    return Column(name, field(path, 0), type="integer")


def _ready(obj: Object, now: float) -> str:
    return f"{get(obj, 'status.readyReplicas') or 0}/{get(obj, 'spec.replicas') or 0}"


DEPLOYMENT = [
    NAME,
    Column("Ready", _ready),
    Column("Up-to-date", field("status.updatedReplicas", 0)),
    Column("Available", field("status.availableReplicas", 0)),
    AGE,
    *containers(_TEMPLATE),
    wide("Selector", selector("spec.selector")),
]
STATEFUL_SET = [NAME, Column("Ready", _ready), AGE, *containers(_TEMPLATE)]
_REPLICAS = [
    _number("Desired", "spec.replicas"),
    _number("Current", "status.replicas"),
    _number("Ready", "status.readyReplicas"),
]
REPLICA_SET = [NAME, *_REPLICAS, AGE, *containers(_TEMPLATE), wide("Selector", selector("spec.selector"))]
REPLICATION_CONTROLLER = [*REPLICA_SET[:-1], wide("Selector", map_of_labels("spec.selector"))]
DAEMON_SET = [
    NAME,
    _number("Desired", "status.desiredNumberScheduled"),
    _number("Current", "status.currentNumberScheduled"),
    _number("Ready", "status.numberReady"),
    _number("Up-to-date", "status.updatedNumberScheduled"),
    _number("Available", "status.numberAvailable"),
    Column("Node Selector", map_of_labels("spec.template.spec.nodeSelector")),
    AGE,
    *containers(_TEMPLATE),
    wide("Selector", selector("spec.selector")),
]


def _job_status(job: Object, now: float) -> str:
    for condition in ("Complete", "Failed"):
        if has_condition(job, condition):
            return condition
    if "deletionTimestamp" in job["metadata"]:
        return "Terminating"
    for condition in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if has_condition(job, condition):
            return condition
    return "Running"


def _completions(job: Object, now: float) -> str:
    done, wanted = get(job, "status.succeeded") or 0, get(job, "spec.completions")
    parallel = get(job, "spec.parallelism") or 0
    if wanted is not None:
        return f"{done}/{wanted}"
    return f"{done}/1 of {parallel}" if parallel > 1 else f"{done}/1"


def _job_duration(job: Object, now: float) -> str:
    start, end = get(job, "status.startTime"), get(job, "status.completionTime")
    return human((seconds(end) if end else now) - seconds(start)) if start else ""


JOB = [
    NAME,
    Column("Status", _job_status),
    Column("Completions", _completions),
    Column("Duration", _job_duration),
    AGE,
    *containers(_TEMPLATE),
    wide("Selector", selector("spec.selector")),
]


def _last_schedule(job: Object, now: float) -> str:
    last = get(job, "status.lastScheduleTime")
    return since(last, now) if last else NONE


CRON_JOB = [
    NAME,
    Column("Schedule", field("spec.schedule")),
    Column("Timezone", field("spec.timeZone", NONE)),
    Column("Suspend", lambda job, now: str(bool(get(job, "spec.suspend"))).capitalize(), type="boolean"),
    Column("Active", count("status.active"), type="integer"),
    Column("Last Schedule", _last_schedule),
    AGE,
    *containers("spec.jobTemplate.spec.template.spec"),
    wide("Selector", selector("spec.jobTemplate.spec.selector")),
]


def _targets(obj: Object, now: float) -> str:
    """The first two metrics as ``current/target``."""
    wanted, current = get(obj, "spec.metrics") or (), get(obj, "status.currentMetrics") or ()
    shown = [
        _target(item, current[index] if index < len(current) else {}) for index, item in enumerate(wanted)
    ]
    more = f" + {len(shown) - 2} more..." if len(shown) > 2 else ""
    return (", ".join(shown[:2]) + more) or NONE


def _target(wanted: Object, status: Object) -> str:
    kind = wanted.get("type", "")
    source = kind[:1].lower() + kind[1:]
    target = get(wanted, f"{source}.target") or {}
    current = get(status, f"{source}.current") or {}
    resource = get(wanted, f"{source}.name") if source in ("resource", "containerResource") else ""
    prefix = f"{resource}: " if resource else ""
    if target.get("averageUtilization") is not None:
        now = current.get("averageUtilization")
        return f"{prefix}{UNKNOWN if now is None else f'{now}%'}/{target['averageUtilization']}%"
    name = "averageValue" if target.get("averageValue") is not None else "value"
    average = " (avg)" if name == "averageValue" and source in ("object", "external") else ""
    return f"{prefix}{current.get(name) or UNKNOWN}/{target.get(name, '')}{average}"


def _v1_targets(obj: Object, now: float) -> str:
    current = get(obj, "status.currentCPUUtilizationPercentage")
    wanted = get(obj, "spec.targetCPUUtilizationPercentage")
    left = UNKNOWN if current is None else f"{current}%"
    return f"{left}/{UNSET if wanted is None else f'{wanted}%'}"


def _reference(obj: Object, now: float) -> str:
    target = get(obj, "spec.scaleTargetRef") or {}
    return f"{target.get('kind', '')}/{target.get('name', '')}"


def _autoscaler(targets: Cell) -> list[Column]:
    return [
        NAME,
        Column("Reference", _reference),
        Column("Targets", targets),
        Column("MinPods", lambda obj, now: str(field("spec.minReplicas", UNSET)(obj, now))),
        Column("MaxPods", field("spec.maxReplicas", 0)),
        Column("Replicas", field("status.currentReplicas", 0)),
        AGE,
    ]


AUTOSCALER = _autoscaler(_targets)
AUTOSCALER_V1 = _autoscaler(_v1_targets)
PDB = [
    NAME,
    Column("Min Available", lambda obj, now: str(field("spec.minAvailable", "N/A")(obj, now))),
    Column("Max Unavailable", lambda obj, now: str(field("spec.maxUnavailable", "N/A")(obj, now))),
    _number("Allowed Disruptions", "status.disruptionsAllowed"),
    AGE,
]


def _controller(obj: Object, now: float) -> str:
    owners = obj["metadata"].get("ownerReferences") or ()
    owner = next((item for item in owners if item.get("controller")), None)
    if owner is None:
        return NONE
    group = owner["apiVersion"].rpartition("/")[0]
    return f"{owner['kind'].lower()}{'.' + group if group else ''}/{owner['name']}"


CONTROLLER_REVISION = [NAME, Column("Controller", _controller), Column("Revision", field("revision", 0)), AGE]
