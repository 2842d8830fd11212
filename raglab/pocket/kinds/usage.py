"""What an object costs in a ResourceQuota: which of the quota's names it counts under, and how much.

Source: https://kubernetes.io/docs/concepts/policy/resource-quotas/ (names, scopes, which pods count).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.paths import get
from raglab.pocket.kinds.quantity import read
from raglab.pocket.kinds.remembering import remembered
from raglab.pocket.kinds.resources import Amounts, plus, total

COUNT = "count/"
ONE = read(1)
COUNTED = frozenset(
    (
        "configmaps",
        "persistentvolumeclaims",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "services",
    )
)
"""Core resources that are counted under their own name too. (Pods are, as long as they have not ended.)"""
_CLASS = ".storageclass.storage.k8s.io/"
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
_COMPUTE = ("cpu", "memory", "ephemeral-storage")


def source_of(name: str) -> str:
    """The resource whose objects count under a name of a quota: ``deployments.apps``, ``pods``."""
    if name.startswith(COUNT):
        return name.removeprefix(COUNT)
    if name in COUNTED:
        return name
    if name.startswith("services."):
        return "services"
    return "persistentvolumeclaims" if name == "requests.storage" or _CLASS in name else "pods"


def usage(resource: str, obj: Object) -> Amounts:
    """Everything that an object of `resource` (``pods``, ``deployments.apps``) counts under."""
    found = {f"{COUNT}{resource}": ONE}
    if resource in COUNTED:
        found[resource] = ONE
    rule = _RULES.get(resource)
    return found | (rule(obj) if rule else {})


def used(hard: Iterable[str], resource: str, objects: Iterable[Object]) -> Amounts:
    """What `objects` of one resource count together, under the names in `hard`."""
    names = frozenset(hard)
    charges = (usage(resource, obj) for obj in objects)
    return plus(*({name: amount for name, amount in charge.items() if name in names} for charge in charges))


def in_scope(quota: Object, resource: str, obj: Object) -> bool:
    """Whether a quota speaks of an object. Scopes are properties of pods: with one, it speaks of nothing else."""
    spec = quota["spec"]
    wanted = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()]
    wanted += get(spec, "scopeSelector.matchExpressions") or ()
    return not wanted or (resource == "pods" and all(_fits(item, obj) for item in wanted))


def _fits(wanted: Object, pod: Object) -> bool:
    scope, operator, spec = wanted["scopeName"], wanted.get("operator"), pod["spec"]
    if scope == "PriorityClass":
        name, values = spec.get("priorityClassName", ""), wanted.get("values") or ()
        answers = {"In": name in values, "NotIn": name not in values, "Exists": bool(name)}
        return answers.get(operator or "", not name)
    best_effort = get(pod, "status.qosClass") == "BestEffort"
    ends = spec.get("activeDeadlineSeconds") is not None
    return {
        "BestEffort": best_effort,
        "NotBestEffort": not best_effort,
        "Terminating": ends,
        "NotTerminating": not ends,
        "CrossNamespacePodAffinity": any(_reaches_out(term) for term in affinity_terms(spec)),
    }.get(scope, False)


def affinity_terms(spec: Object) -> Iterable[Object]:
    """Every term of a pod spec about other pods, required and preferred, towards and away from them."""
    for kind in ("podAffinity", "podAntiAffinity"):
        rules = get(spec, f"affinity.{kind}") or {}
        yield from rules.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        for item in rules.get("preferredDuringSchedulingIgnoredDuringExecution") or ():
            yield item["podAffinityTerm"]


def _reaches_out(term: Object) -> bool:
    return bool(term.get("namespaces")) or "namespaceSelector" in term


@remembered
def _pod(pod: Object) -> Amounts:
    """Pods that have ended take nothing but their place in the store."""
    if get(pod, "status.phase") in ("Succeeded", "Failed"):
        return {}
    found = {"pods": ONE}
    for name, amount in total(pod["spec"], "requests").items():
        found[f"requests.{name}"] = amount
        if name in _COMPUTE or name.startswith("hugepages-"):
            found[name] = amount
    limits = total(pod["spec"], "limits")
    return found | {f"limits.{name}": amount for name, amount in limits.items() if name in _COMPUTE}


def _service(service: Object) -> Amounts:
    kind, ports = get(service, "spec.type"), get(service, "spec.ports") or ()
    balancer = kind == "LoadBalancer"
    opened = kind == "NodePort" or (
        balancer and get(service, "spec.allocateLoadBalancerNodePorts") is not False
    )
    return {
        "services.nodeports": read(len(ports) if opened else 0),
        "services.loadbalancers": read(int(balancer)),
    }


def _claim(claim: Object) -> Amounts:
    found = {"requests.storage": read(get(claim, "spec.resources.requests.storage") or 0)}
    annotations = claim["metadata"].get("annotations") or {}
    name = annotations.get(_CLASS_ANNOTATION) or get(claim, "spec.storageClassName")
    if name:
        found[f"{name}{_CLASS}requests.storage"] = found["requests.storage"]
        found[f"{name}{_CLASS}persistentvolumeclaims"] = ONE
    return found


_RULES: dict[str, Callable[[Object], Amounts]] = {
    "persistentvolumeclaims": _claim,
    "pods": _pod,
    "services": _service,
}
"""What else objects count under, besides their number."""
