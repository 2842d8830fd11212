"""Rules that schemas cannot say: which rules hold for which kind, and what may not change.

Every rule is a function that adds to a list of causes; texts follow recordings of a real control plane.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from raglab.pocket.kinds import names
from raglab.pocket.kinds import validation_apiservices as apiservices
from raglab.pocket.kinds import validation_autoscaling as autoscaling
from raglab.pocket.kinds import validation_config as config
from raglab.pocket.kinds import validation_definitions as definitions
from raglab.pocket.kinds import validation_pods as pods
from raglab.pocket.kinds import validation_policies as policies
from raglab.pocket.kinds import validation_services as services
from raglab.pocket.kinds import validation_storage as storage
from raglab.pocket.kinds import validation_workloads as workloads
from raglab.pocket.kinds.catalogue import Kind, Object
from raglab.pocket.kinds.causes import Cause, Causes
from raglab.pocket.kinds.paths import POD_SPECS, containers, get

Rule = Callable[[Causes, Object], None]
UpdateRule = Callable[[Causes, Object, Object], None]
_RBAC = "rbac.authorization.k8s.io"
_LONGEST_CRON_JOB = 52

RULES: dict[tuple[str, str], Rule] = {
    ("", "ConfigMap"): config.config_map,
    ("", "Endpoints"): config.endpoints,
    ("", "LimitRange"): policies.limit_range,
    ("", "Node"): config.node,
    ("", "PersistentVolume"): storage.volume,
    ("", "PersistentVolumeClaim"): storage.claim,
    ("", "Pod"): pods.pod,
    ("", "ResourceQuota"): policies.quota,
    ("", "Secret"): config.secret,
    ("", "Service"): services.service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): definitions.definition,
    ("apiregistration.k8s.io", "APIService"): apiservices.api_service,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("autoscaling", "HorizontalPodAutoscaler"): autoscaling.autoscaler,
    ("batch", "CronJob"): workloads.cron_job,
    ("batch", "Job"): workloads.job,
    ("discovery.k8s.io", "EndpointSlice"): config.endpoint_slice,
    ("networking.k8s.io", "Ingress"): services.ingress,
    ("networking.k8s.io", "NetworkPolicy"): config.network_policy,
    ("policy", "PodDisruptionBudget"): policies.disruption_budget,
    (_RBAC, "ClusterRole"): config.role,
    (_RBAC, "ClusterRoleBinding"): config.binding,
    (_RBAC, "Role"): config.role,
    (_RBAC, "RoleBinding"): config.binding,
    ("scheduling.k8s.io", "PriorityClass"): policies.priority_class,
    ("storage.k8s.io", "StorageClass"): storage.storage_class,
}
"""What must hold for the object as it is."""

UPDATE_RULES: dict[tuple[str, str], UpdateRule] = {
    ("", "ConfigMap"): config.sealed,
    ("", "PersistentVolume"): storage.volume_update,
    ("", "PersistentVolumeClaim"): storage.claim_update,
    ("", "Pod"): pods.pod_update,
    ("", "ResourceQuota"): policies.quota_update,
    ("", "Secret"): config.secret_update,
    ("", "Service"): services.service_update,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): definitions.update,
    ("apps", "DaemonSet"): workloads.selector_update,
    ("apps", "Deployment"): workloads.selector_update,
    ("apps", "ReplicaSet"): workloads.selector_update,
    ("apps", "StatefulSet"): workloads.stateful_set_update,
    ("batch", "Job"): workloads.job_update,
    (_RBAC, "ClusterRoleBinding"): config.binding_update,
    (_RBAC, "RoleBinding"): config.binding_update,
    ("scheduling.k8s.io", "PriorityClass"): policies.priority_class_update,
    ("storage.k8s.io", "StorageClass"): storage.storage_class_update,
}
"""What may not change."""

UNHEEDED = frozenset(("backoffLimitPerIndex", "managedBy", "maxFailedIndexes", "successPolicy"))
"""Fields of a Job's spec that nothing here acts on."""
UNHEEDED_AT = {"Job": "spec", "CronJob": "spec.jobTemplate.spec"}

NAME_CHECKERS: dict[str, names.Checker] = {
    "Namespace": names.label,
    "Service": names.service,
    "Role": names.path_segment,
    "RoleBinding": names.path_segment,
    "ClusterRole": names.path_segment,
    "ClusterRoleBinding": names.path_segment,
    "APIService": names.path_segment,
}
"""Names of kinds not listed here are DNS subdomains."""


def validate(kind: Kind, obj: Object, old: Object | None) -> list[Cause]:
    """Everything that is wrong with `obj`, normalised and completed, as (reason, field, message).

    `old` is the stored object on an update; rules about changes apply then. Raises `StatusError` (403) for a change
    that admission forbids.
    """
    causes = Causes()
    _metadata(causes, kind, obj)
    if kind.custom:
        kind.custom.check(causes, obj, old)
    rule, update = RULES.get((kind.group, kind.kind)), UPDATE_RULES.get((kind.group, kind.kind))
    if rule and (old is None or _changed(obj, old)):
        rule(causes, obj)
    if update and old is not None:
        update(causes, obj, old)
    return causes


def warnings(kind: Kind, obj: Object) -> list[str]:
    """What is allowed and still most likely a mistake; clients print it."""
    if kind.kind == "CustomResourceDefinition":
        return list(definitions.warnings(obj))
    at = POD_SPECS.get(kind.kind, "") if not kind.custom else ""
    spec = get(obj, at) if at else None
    hidden = [text for place, item in containers(spec or {}) for text in _hidden(f"{at}.{place}", item)]
    return [*hidden, *_unheeded(kind, obj)]


def _unheeded(kind: Kind, obj: Object) -> Iterator[str]:
    """What is stored, and would be heeded by a real cluster only."""
    at = UNHEEDED_AT.get(kind.kind, "-")
    for name in sorted((get(obj, at) or {}).keys() & UNHEEDED):
        yield f"{at}.{name}: the pocket cluster stores this and does not act on it; a real cluster does"


def _hidden(at: str, container: Object) -> Iterator[str]:
    seen: set[str] = set()
    for index, variable in enumerate(container.get("env") or ()):
        name = variable.get("name", "")
        if name in seen:
            rule = f'hides previous definition of "{name}", which may be dropped when using apply'
            yield f"{at}.env[{index}]: {rule}"
        seen.add(name)


def _changed(obj: Object, old: Object) -> bool:
    """Whether anything but metadata and status differs: objects that are stored are not judged again."""
    ignored = ("metadata", "status")
    return any(obj.get(key) != old.get(key) for key in obj.keys() | old.keys() if key not in ignored)


def _metadata(causes: Causes, kind: Kind, obj: Object) -> None:
    meta = obj["metadata"]
    name = meta.get("name", "")
    if not name:
        causes.required("metadata.name", "name or generateName is required")
    else:
        names.check(causes, "metadata.name", name, NAME_CHECKERS.get(kind.kind, names.subdomain))
    if kind.kind == "CronJob" and len(name) > _LONGEST_CRON_JOB:
        causes.invalid("metadata.name", name, f"must be no more than {_LONGEST_CRON_JOB} characters")
    names.check_labels(causes, "metadata.labels", meta.get("labels"))
    names.check_annotations(causes, "metadata.annotations", meta.get("annotations"))
    for index, owner in enumerate(meta.get("ownerReferences") or ()):
        for field in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(field):
                rule = "version must not be empty" if field == "apiVersion" else "must not be empty"
                causes.invalid(f"metadata.ownerReferences[{index}].{field}", owner.get(field, ""), rule)
