"""What restrains others: quotas, limits, priorities and disruption budgets."""

from __future__ import annotations

from raglab.pocket.kinds import names
from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.causes import Causes
from raglab.pocket.kinds.paths import get
from raglab.pocket.kinds.quantity import Quantity, parse
from raglab.pocket.kinds.resources import amounts
from raglab.pocket.kinds.usage import COUNTED

_IMMUTABLE = "field is immutable"
_STANDARD = "must be a standard resource type or fully qualified"
_COMPUTE = ("cpu", "memory", "ephemeral-storage")
_PER_POD = {*_COMPUTE, *(f"{prefix}.{name}" for prefix in ("requests", "limits") for name in _COMPUTE)}
_QUOTA_NAMES = (
    COUNTED | _PER_POD | {"pods", "services.loadbalancers", "services.nodeports", "requests.storage"}
)
_SCOPES = (
    "BestEffort",
    "CrossNamespacePodAffinity",
    "NotBestEffort",
    "NotTerminating",
    "PriorityClass",
    "Terminating",
    "VolumeAttributesClass",
)
_OPPOSITES = ({"BestEffort", "NotBestEffort"}, {"Terminating", "NotTerminating"})
_LIMITED_TYPES = ("Container", "PersistentVolumeClaim", "Pod")
SYSTEM_PRIORITIES = {"system-cluster-critical": 2000000000, "system-node-critical": 2000001000}
HIGHEST_PRIORITY = 1000000000
"""The highest value that a class of one's own may have."""


def quota(causes: Causes, obj: Object) -> None:
    """ResourceQuotas."""
    spec = obj["spec"]
    for name, text in sorted((spec.get("hard") or {}).items()):
        at = f"spec.hard[{name}]"
        names.check(causes, at, name, names.qualified)
        if (
            "/" not in name
            and name not in _QUOTA_NAMES
            and not name.startswith(("hugepages-", "requests.hugepages-"))
        ):
            causes.invalid(at, name, _STANDARD)
            causes.invalid(at, name, "must be a standard resource for quota")
        if parse(text) < 0:
            causes.invalid(at, text, "must be greater than or equal to 0")
        elif name in COUNTED | {"pods"} and parse(text).denominator != 1:
            causes.invalid(at, text, "must be an integer")
    _scopes(causes, spec)
    _scope_selector(causes, spec)


def _scopes(causes: Causes, spec: Object) -> None:
    scopes = set(spec.get("scopes") or ())
    if scopes - set(_SCOPES):
        causes.invalid("spec.scopes", sorted(scopes), "unsupported scope")
    if any(pair <= scopes for pair in _OPPOSITES):
        causes.invalid("spec.scopes", sorted(scopes), "conflicting scopes")
    allowed = {"pods"} if "BestEffort" in scopes else {"pods", *_PER_POD}
    if scopes and (spec.get("hard") or {}).keys() & _QUOTA_NAMES - allowed:
        causes.invalid("spec.scopes", sorted(scopes), "unsupported scope applied to resource")


def _scope_selector(causes: Causes, spec: Object) -> None:
    for rule in get(spec, "scopeSelector.matchExpressions") or ():
        at, operator, listed = "spec.scopeSelector.matchExpressions", rule.get("operator"), rule.get("values")
        if rule.get("scopeName") not in _SCOPES:
            causes.invalid(f"{at}.scopeName", rule.get("scopeName", ""), "unsupported scope")
        if operator in ("In", "NotIn") and not listed:
            rule_text = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
            causes.required(f"{at}.values", rule_text)
        elif operator in ("Exists", "DoesNotExist") and listed:
            rule_text = "must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector"
            causes.invalid(f"{at}.values", listed, rule_text)
        elif operator not in ("In", "NotIn", "Exists", "DoesNotExist"):
            causes.invalid(f"{at}.operator", operator or "", "not a valid selector operator")


def quota_update(causes: Causes, obj: Object, old: Object) -> None:
    """Whom a quota speaks of is settled when it is made; how much it gives is not."""
    scopes = obj["spec"].get("scopes")
    if set(scopes or ()) != set(old["spec"].get("scopes") or ()):
        causes.invalid("spec.scopes", scopes, _IMMUTABLE)


def limit_range(causes: Causes, obj: Object) -> None:
    """LimitRanges."""
    seen: set[str] = set()
    for index, item in enumerate(obj["spec"].get("limits") or ()):
        at, type = f"spec.limits[{index}]", item.get("type", "")
        if "/" not in type:
            causes.one_of(f"{at}.type", type, _LIMITED_TYPES)
        if type in seen:
            causes.duplicate(f"{at}.type", type)
        seen.add(type)
        _limit(causes, at, type, item)


def _limit(causes: Causes, at: str, type: str, item: Object) -> None:
    if type == "Pod":
        for field in ("default", "defaultRequest"):
            if item.get(field):
                causes.forbidden(f"{at}.{field}", "may not be specified when `type` is 'Pod'")
    sizes = (item.get("min") or {}).keys() | (item.get("max") or {}).keys()
    if type == "PersistentVolumeClaim" and "storage" not in sizes:
        causes.required(
            f"{at}.limits", "either minimum or maximum storage value is required, but neither was provided"
        )
    for lower, upper, place, below, above in _ORDER:
        low, high = amounts(item.get(lower)), amounts(item.get(upper))
        for name in sorted(low.keys() & high.keys()):
            if low[name].value > high[name].value:
                rule = f"{below} value {low[name]} is greater than {above} value {high[name]}"
                causes.invalid(f"{at}.{place}[{name}]", item[place][name], rule)
    _ratios(causes, at, item)


_ORDER = (
    ("min", "max", "min", "min", "max"),
    ("min", "defaultRequest", "defaultRequest", "min", "default request"),
    ("defaultRequest", "max", "defaultRequest", "default request", "max"),
    ("defaultRequest", "default", "defaultRequest", "default request", "default limit"),
    ("min", "default", "default", "min", "default"),
    ("default", "max", "default", "default", "max"),
)
"""Fields of which the first may not be larger than the second, which one is blamed, and what they are called."""


def _ratios(causes: Causes, at: str, item: Object) -> None:
    low, high = amounts(item.get("min")), amounts(item.get("max"))
    for name, ratio in sorted(amounts(item.get("maxLimitRequestRatio")).items()):
        here = f"{at}.maxLimitRequestRatio[{name}]"
        if ratio.value < 1:
            causes.invalid(here, str(ratio), f"ratio {ratio} is less than 1")
        widest = _widest(low.get(name), high.get(name))
        if widest is not None and ratio.value > widest:
            causes.invalid(here, str(ratio), f"ratio {ratio} is greater than max/min = {widest:f}")


def _widest(low: Quantity | None, high: Quantity | None) -> float | None:
    return float(high.value / low.value) if low and high and low.value else None


def priority_class(causes: Causes, obj: Object) -> None:
    """PriorityClasses."""
    name, value = obj["metadata"].get("name", ""), obj.get("value", 0)
    if name.startswith("system-"):
        if SYSTEM_PRIORITIES.get(name) != value:
            rule = "priority class names with 'system-' prefix are reserved for system use only. error: "
            causes.forbidden("metadata.name", f"{rule}{name} is not a known system priority class")
    elif value > HIGHEST_PRIORITY:
        causes.forbidden("value", f"maximum allowed value of a user defined priority is {HIGHEST_PRIORITY}")
    causes.one_of("preemptionPolicy", obj.get("preemptionPolicy"), ("Never", "PreemptLowerPriority"))


def priority_class_update(causes: Causes, obj: Object, old: Object) -> None:
    """Pods were scheduled by these."""
    if obj.get("value") != old.get("value"):
        causes.forbidden("value", "may not be changed in an update.")
    if obj.get("preemptionPolicy") != old.get("preemptionPolicy"):
        causes.invalid("preemptionPolicy", obj.get("preemptionPolicy"), _IMMUTABLE)


def disruption_budget(causes: Causes, obj: Object) -> None:
    """PodDisruptionBudgets."""
    spec = obj.get("spec") or {}
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        causes.invalid("spec", spec, "minAvailable and maxUnavailable cannot be both set")
    for field in ("minAvailable", "maxUnavailable"):
        causes.share(f"spec.{field}", spec.get(field))
    if spec.get("selector"):
        names.check_selector(causes, "spec.selector", spec["selector"])
    policy = ("AlwaysAllow", "IfHealthyBudget")
    causes.one_of("spec.unhealthyPodEvictionPolicy", spec.get("unhealthyPodEvictionPolicy"), policy)
