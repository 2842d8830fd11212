"""Deployments, sets and jobs."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from raglab.pocket.kinds import names
from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.causes import Causes
from raglab.pocket.kinds.paths import get
from raglab.pocket.kinds.schedule import parse
from raglab.pocket.kinds.validation_pods import check_spec

_IMMUTABLE = "field is immutable"
STATEFUL_SET_RULE = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)
_STATEFUL_SET_MUTABLE = {
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
}


def matches(selector: Object, labels: dict[str, str]) -> bool:
    """Whether `selector` selects something with `labels`."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for rule in selector.get("matchExpressions") or ():
        has, value = rule.get("key") in labels, labels.get(rule.get("key", ""))
        among = value in (rule.get("values") or ())
        kept = {"Exists": has, "DoesNotExist": not has, "In": among, "NotIn": not among}
        if not kept.get(rule.get("operator", ""), False):
            return False
    return True


def _common(causes: Causes, obj: Object, kind: str, claims: frozenset[str] = frozenset()) -> None:
    """Selector, labels, pod template and restart policy of everything that keeps pods running."""
    spec = obj["spec"]
    for field in ("replicas", "minReadySeconds", "revisionHistoryLimit"):
        causes.not_negative(f"spec.{field}", spec.get(field))
    selector = spec.get("selector")
    if selector is None:
        causes.required("spec.selector")
    elif not selector:
        causes.invalid("spec.selector", selector, f"empty selector is invalid for {kind}")
    else:
        names.check_selector(causes, "spec.selector", selector)
    template = spec.get("template") or {}
    labels = get(template, "metadata.labels") or {}
    if not selector or not matches(selector, labels):
        causes.invalid("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
    check_template(causes, template, claims)
    policy = get(template, "spec.restartPolicy")
    if policy and policy != "Always":
        causes.unsupported("spec.template.spec.restartPolicy", policy, ["Always"])


def check_template(
    causes: Causes, template: Object, claims: frozenset[str] = frozenset(), at: str = "spec.template"
) -> None:
    """A pod template."""
    meta = template.get("metadata") or {}
    names.check_labels(causes, f"{at}.labels", meta.get("labels"))
    names.check_annotations(causes, f"{at}.annotations", meta.get("annotations"))
    check_spec(causes, f"{at}.spec", template.get("spec") or {}, claims)


def _is_zero(amount: object) -> bool:
    return amount in (0, "0", "0%")


def _shares(causes: Causes, at: str, rolling: Object) -> None:
    causes.share(f"{at}.maxUnavailable", rolling.get("maxUnavailable"))
    causes.share(f"{at}.maxSurge", rolling.get("maxSurge"), most=None)


def deployment(causes: Causes, obj: Object) -> None:
    """Deployments."""
    _common(causes, obj, "deployment")
    spec = obj["spec"]
    strategy = spec.get("strategy") or {}
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    causes.one_of("spec.strategy.type", kind, ("Recreate", "RollingUpdate"))
    _shares(causes, "spec.strategy.rollingUpdate", rolling or {})
    if kind == "Recreate" and rolling is not None:
        rule = "may not be specified when strategy `type` is 'Recreate'"
        causes.forbidden("spec.strategy.rollingUpdate", rule)
    elif rolling and _is_zero(rolling.get("maxUnavailable")) and _is_zero(rolling.get("maxSurge")):
        at = "spec.strategy.rollingUpdate.maxUnavailable"
        causes.invalid(at, rolling["maxUnavailable"], "may not be 0 when `maxSurge` is 0")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None:
        causes.not_negative("spec.progressDeadlineSeconds", deadline)
        if deadline <= (spec.get("minReadySeconds") or 0):
            causes.invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds")


def replica_set(causes: Causes, obj: Object) -> None:
    """ReplicaSets."""
    _common(causes, obj, "replicaset")


def daemon_set(causes: Causes, obj: Object) -> None:
    """DaemonSets."""
    _common(causes, obj, "daemonset")
    kind = get(obj, "spec.updateStrategy.type")
    causes.one_of("spec.updateStrategy.type", kind, ("OnDelete", "RollingUpdate"))
    rolling = get(obj, "spec.updateStrategy.rollingUpdate")
    if kind != "RollingUpdate" or not rolling:
        return
    at, surge = "spec.updateStrategy.rollingUpdate", rolling.get("maxSurge")
    _shares(causes, at, rolling)
    none_missing, none_more = _is_zero(rolling.get("maxUnavailable")), _is_zero(surge)
    if none_missing and none_more:
        causes.required(f"{at}.maxUnavailable", "cannot be 0 when maxSurge is 0")
    elif not none_missing and not none_more:
        causes.invalid(f"{at}.maxSurge", surge, "may not be set when maxUnavailable is non-zero")


def stateful_set(causes: Causes, obj: Object) -> None:
    """StatefulSets: their claim templates count as volumes."""
    spec = obj["spec"]
    claims = frozenset(get(item, "metadata.name") for item in spec.get("volumeClaimTemplates") or ())
    causes.one_of("spec.podManagementPolicy", spec.get("podManagementPolicy"), ("OrderedReady", "Parallel"))
    causes.one_of("spec.updateStrategy.type", get(spec, "updateStrategy.type"), ("OnDelete", "RollingUpdate"))
    missing = get(spec, "updateStrategy.rollingUpdate.maxUnavailable")
    if missing is not None and _is_zero(missing):
        causes.invalid("spec.updateStrategy.rollingUpdate.maxUnavailable", missing, "cannot be 0")
    policy = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    for field in ("whenDeleted", "whenScaled"):
        at = f"spec.persistentVolumeClaimRetentionPolicy.{field}"
        causes.one_of(at, policy.get(field), ("Delete", "Retain"))
    _common(causes, obj, "statefulset", claims)


def selector_update(causes: Causes, obj: Object, old: Object) -> None:
    """Which pods belong to a workload is settled when it is made."""
    selector = obj["spec"].get("selector")
    if selector != old["spec"].get("selector"):
        causes.invalid("spec.selector", selector, _IMMUTABLE)


def stateful_set_update(causes: Causes, obj: Object, old: Object) -> None:
    """Most of a StatefulSet is settled when it is made."""
    new, before = obj["spec"], old["spec"]
    changed = {key for key in new.keys() | before.keys() if new.get(key) != before.get(key)}
    if changed - _STATEFUL_SET_MUTABLE:
        causes.forbidden("spec", STATEFUL_SET_RULE)


def job(causes: Causes, obj: Object) -> None:
    """Jobs."""
    _job_spec(causes, "spec", obj["spec"])
    if "selector" not in obj["spec"]:
        causes.required("spec.selector")


def _job_spec(causes: Causes, at: str, spec: Object) -> None:
    for field in (
        "parallelism",
        "completions",
        "backoffLimit",
        "activeDeadlineSeconds",
        "ttlSecondsAfterFinished",
    ):
        causes.not_negative(f"{at}.{field}", spec.get(field))
    template = spec.get("template") or {}
    check_template(causes, template, at=f"{at}.template")
    if get(template, "spec.restartPolicy") not in ("OnFailure", "Never"):
        causes.required(f"{at}.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"')
    causes.one_of(f"{at}.completionMode", spec.get("completionMode"), ("Indexed", "NonIndexed"))
    if spec.get("completionMode") == "Indexed" and spec.get("completions") is None:
        causes.required(f"{at}.completions", "when completion mode is Indexed")
    _failure_policy(causes, at, spec)


def _failure_policy(causes: Causes, at: str, spec: Object) -> None:
    policy = spec.get("podFailurePolicy")
    if policy is None:
        return
    restart = get(spec, "template.spec.restartPolicy")
    if restart != "Never":
        rule = 'only "Never" is supported when podFailurePolicy is specified'
        causes.invalid(f"{at}.template.spec.restartPolicy", restart, rule)
    for index, item in enumerate(policy.get("rules") or ()):
        here, codes = f"{at}.podFailurePolicy.rules[{index}]", item.get("onExitCodes")
        causes.one_of(f"{here}.action", item.get("action") or "-", ("Count", "FailJob", "Ignore"))
        if bool(codes) == bool(item.get("onPodConditions")):
            text = (
                "specifying both OnExitCodes and OnPodConditions is not supported"
                if codes
                else ("specifying one of OnExitCodes and OnPodConditions is required")
            )
            causes.invalid(here, item, text)
        if codes:
            causes.one_of(f"{here}.onExitCodes.operator", codes.get("operator") or "-", ("In", "NotIn"))
            if not codes.get("values"):
                causes.invalid(f"{here}.onExitCodes.values", [], "at least one value is required")


def job_update(causes: Causes, obj: Object, old: Object) -> None:
    """What a job runs is settled when it is made."""
    new, before = obj["spec"], old["spec"]
    completions = new.get("completions")
    if completions != before.get("completions"):
        if before.get("completionMode") != "Indexed":
            causes.invalid("spec.completions", completions, _IMMUTABLE)
        elif completions != new.get("parallelism"):
            causes.invalid(
                "spec.completions", completions, "can only be modified in tandem with spec.parallelism"
            )
    for field in ("selector", "template", "completionMode", "podFailurePolicy"):
        if new.get(field) != before.get(field):
            causes.invalid(f"spec.{field}", new.get(field), _IMMUTABLE)


def cron_job(causes: Causes, obj: Object) -> None:
    """CronJobs."""
    spec = obj["spec"]
    schedule, zone = spec.get("schedule", ""), spec.get("timeZone")
    if not schedule:
        causes.required("spec.schedule")
    elif "TZ" in schedule:
        rule = "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
        causes.invalid("spec.schedule", schedule, rule)
    else:
        try:
            parse(schedule)
        except ValueError as error:
            causes.invalid("spec.schedule", schedule, str(error))
    if zone is not None:
        _time_zone(causes, zone)
    causes.one_of("spec.concurrencyPolicy", spec.get("concurrencyPolicy"), ("Allow", "Forbid", "Replace"))
    for field in ("startingDeadlineSeconds", "successfulJobsHistoryLimit", "failedJobsHistoryLimit"):
        causes.not_negative(f"spec.{field}", spec.get(field))
    _job_spec(causes, "spec.jobTemplate.spec", get(spec, "jobTemplate.spec") or {})


def _time_zone(causes: Causes, zone: str) -> None:
    if not zone:
        causes.invalid("spec.timeZone", zone, "timeZone must be nil or non-empty string")
    elif zone.lower() == "local":
        rule = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
        causes.invalid("spec.timeZone", zone, rule)
    else:
        try:
            ZoneInfo(zone)
        except (ValueError, KeyError, OSError):
            causes.invalid("spec.timeZone", zone, f"unknown time zone {zone}")
