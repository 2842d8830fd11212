"""What an API server fills in before it stores an object, so that every reader finds complete objects.

Plain values stand in ``defaults.yaml``; here are those that depend on other fields, one small function per kind, and
the changes that admission makes when an object is created. Everything is idempotent.
Source of the values: recordings of a real control plane, and ``pkg/apis/*/v1/defaults.go`` of Kubernetes.
"""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from functools import cache
from importlib.resources import files

import yaml

from raglab.pocket.kinds import defaults_pods
from raglab.pocket.kinds.catalogue import Kind, Object
from raglab.pocket.kinds.paths import POD_SPECS, containers, find, get

Rule = Callable[[Object], None]
_RBAC = "rbac.authorization.k8s.io"


@cache
def _tables() -> dict[str, dict[str, Object]]:
    text = files(__package__).joinpath("defaults.yaml").read_text()
    tables: dict[str, dict[str, Object]] = yaml.load(text, Loader=yaml.CSafeLoader)
    return tables


def apply(kind: Kind, obj: Object) -> None:
    """Complete `obj` in place with what its sender means by leaving it out, and owns like the rest.

    Missing sections (``spec.strategy``) must be there as empty maps; `Schemas.normalise` puts them in.
    """
    if kind.custom:
        kind.custom.complete(obj)
        return
    pod_spec = get(obj, POD_SPECS.get(kind.kind, "-"))
    if pod_spec is not None:
        _pod_spec(pod_spec)
    rule = RULES.get((kind.group, kind.kind))
    if rule:
        rule(obj)
    _fill(obj, kind.kind)


def settle(kind: Kind, obj: Object, old: Object | None = None) -> None:
    """Complete `obj` in place with what the server decides. `old` is the stored object on an update: admission adds
    to new objects only.
    """
    key = (kind.group, kind.kind)
    if key in SETTLED:
        SETTLED[key](obj)
    if old is None and not obj["metadata"].get("resourceVersion"):
        admission = ON_CREATE.get(key)
        if admission:
            admission(obj)


def complete_status(kind: Kind, obj: Object) -> None:
    """Complete a status in place with what a real server writes even when it is empty."""
    if not kind.custom:
        _fill(obj, f"{kind.kind} status")


def _fill(value: Object, table: str) -> None:
    """Put in what a table knows and `value` lacks."""
    for path, fields in _tables().get(table, {}).items():
        if path == "status":
            value.setdefault("status", {})
        for place in find(value, path):
            for name, default in fields.items():
                if place.get(name) is None:
                    place[name] = copy.copy(default)


def _pod_spec(spec: Object) -> None:
    defaults_pods.complete(spec)
    _fill(spec, "pod spec")
    for _, container in containers(spec):
        _fill(container, "container")


def _deployment(obj: Object) -> None:
    strategy = obj["spec"].setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")


def _stateful_set(obj: Object) -> None:
    strategy = obj["spec"].setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        strategy.setdefault("rollingUpdate", {}).setdefault("partition", 0)


def _daemon_set(obj: Object) -> None:
    strategy = obj["spec"].setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)


def _replication_controller(obj: Object) -> None:
    labels = get(obj, "spec.template.metadata.labels")
    if labels:
        obj["spec"].setdefault("selector", dict(labels))
        obj["metadata"].setdefault("labels", dict(labels))


def _job(obj: Object) -> None:
    """A job without completions and parallelism runs one pod to success."""
    spec = obj["spec"]
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    spec.setdefault("podReplacementPolicy", "Failed" if "podFailurePolicy" in spec else "TerminatingOrFailed")


def _job_selector(obj: Object) -> None:
    """A job's pods are told by its uid."""
    spec, meta = obj["spec"], obj["metadata"]
    if not spec.get("manualSelector") and "selector" not in spec and meta.get("uid"):
        spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": meta["uid"]}}
        labels = spec["template"].setdefault("metadata", {}).setdefault("labels", {})
        for prefix in ("", "batch.kubernetes.io/"):
            labels |= {f"{prefix}controller-uid": meta["uid"], f"{prefix}job-name": meta.get("name", "")}
    if not meta.get("labels") and get(spec, "template.metadata.labels"):
        meta["labels"] = dict(spec["template"]["metadata"]["labels"])


def _service(obj: Object) -> None:
    spec = obj["spec"]
    kind = spec.setdefault("type", "ClusterIP")
    for port in spec.get("ports") or ():
        if not port.get("targetPort") and port.get("port"):
            port["targetPort"] = port["port"]
    if spec.get("sessionAffinity") == "ClientIP":
        client = spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {})
        client.setdefault("timeoutSeconds", 10800)
    if kind == "ExternalName":
        return
    spec.setdefault("internalTrafficPolicy", "Cluster")
    if kind in ("NodePort", "LoadBalancer"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def _service_families(obj: Object) -> None:
    if obj["spec"]["type"] != "ExternalName":
        obj["spec"].setdefault("ipFamilies", ["IPv4"])
        obj["spec"].setdefault("ipFamilyPolicy", "SingleStack")


def _secret(obj: Object) -> None:
    """``stringData`` is write-only: it ends up encoded in ``data``."""
    plain = obj.pop("stringData", None)
    if plain:
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in plain.items()}
        obj["data"] = (obj.get("data") or {}) | encoded


def _autoscaler(obj: Object) -> None:
    spec = obj["spec"]
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is not None:
        percent = {"type": "Percent", "value": 100, "periodSeconds": 15}
        up, down = behavior.setdefault("scaleUp", {}), behavior.setdefault("scaleDown", {})
        up.setdefault("stabilizationWindowSeconds", 0)
        up.setdefault("policies", [{"type": "Pods", "value": 4, "periodSeconds": 15}, percent])
        down.setdefault("policies", [dict(percent)])
        for rules in (up, down):
            rules.setdefault("selectPolicy", "Max")


def _limit_range(obj: Object) -> None:
    """A container's usual limit is the largest allowed one, its usual request that limit, or the smallest allowed."""
    for item in obj["spec"].get("limits") or ():
        if item.get("type") != "Container":
            continue
        limits = (item.get("max") or {}) | (item.get("default") or {})
        requests = (item.get("min") or {}) | limits | (item.get("defaultRequest") or {})
        item |= {key: part for key, part in (("default", limits), ("defaultRequest", requests)) if part}


def _network_policy(obj: Object) -> None:
    spec = obj["spec"]
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if "egress" in spec else ["Ingress"]


def _binding(obj: Object) -> None:
    for subject in obj.get("subjects") or ():
        if not subject.get("apiGroup") and subject.get("kind") in ("User", "Group"):
            subject["apiGroup"] = _RBAC


def _definition(obj: Object) -> None:
    spec = obj["spec"]
    given = spec.setdefault("names", {})
    kind = given.get("kind", "")
    given.setdefault("singular", kind.lower())
    given.setdefault("listKind", f"{kind}List")
    spec.setdefault("conversion", {"strategy": "None"})
    for version in spec.get("versions") or ():
        version.setdefault("served", False)
        version.setdefault("storage", False)


def _api_service(obj: Object) -> None:
    if obj["spec"].get("service"):
        obj["spec"]["service"].setdefault("port", 443)


def _namespace(obj: Object) -> None:
    labels = {"kubernetes.io/metadata.name": obj["metadata"].get("name", "")}
    obj["metadata"]["labels"] = (obj["metadata"].get("labels") or {}) | labels


RULES: dict[tuple[str, str], Rule] = {
    ("", "LimitRange"): _limit_range,
    ("", "Namespace"): _namespace,
    ("", "Pod"): defaults_pods.pod,
    ("", "ReplicationController"): _replication_controller,
    ("", "Service"): _service,
    ("", "Secret"): _secret,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    ("apiregistration.k8s.io", "APIService"): _api_service,
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _daemon_set,
    ("batch", "Job"): _job,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("networking.k8s.io", "NetworkPolicy"): _network_policy,
    (_RBAC, "RoleBinding"): _binding,
    (_RBAC, "ClusterRoleBinding"): _binding,
}
"""Defaults that depend on other fields."""


SETTLED: dict[tuple[str, str], Rule] = {
    ("", "Pod"): defaults_pods.classify,
    ("", "Service"): _service_families,
    ("batch", "Job"): _job_selector,
}
"""What the server decides on every write."""


def _finalize(obj: Object) -> None:
    obj["spec"].setdefault("finalizers", ["kubernetes"])


def _protect(finalizer: str) -> Rule:
    def add(obj: Object) -> None:
        finalizers = obj["metadata"].setdefault("finalizers", [])
        if finalizer not in finalizers:
            finalizers.append(finalizer)

    return add


ON_CREATE: dict[tuple[str, str], Rule] = {
    ("", "Namespace"): _finalize,
    ("", "Pod"): defaults_pods.admit,
    ("", "PersistentVolumeClaim"): _protect("kubernetes.io/pvc-protection"),
    ("", "PersistentVolume"): _protect("kubernetes.io/pv-protection"),
}
"""What admission adds to new objects."""
