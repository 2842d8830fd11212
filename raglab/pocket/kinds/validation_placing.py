"""Where pods may run: affinity to nodes and to other pods, and spreading."""

from __future__ import annotations

from collections.abc import Callable

from raglab.pocket.kinds import names
from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.causes import Causes
from raglab.pocket.kinds.paths import get

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_OPERATORS = ("DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn")
Term = Callable[[Causes, str, Object], None]
"""Checks one term of a rule, which stands at the given path."""
_WHEN = ("DoNotSchedule", "ScheduleAnyway")


def check(causes: Causes, at: str, spec: Object) -> None:
    """Everything in a pod spec at `at` that chooses its node."""
    affinity = spec.get("affinity") or {}
    _nodes(causes, f"{at}.affinity.nodeAffinity", affinity.get("nodeAffinity") or {})
    for kind in ("podAffinity", "podAntiAffinity"):
        _pods(causes, f"{at}.affinity.{kind}", affinity.get(kind) or {})
    for index, item in enumerate(spec.get("topologySpreadConstraints") or ()):
        _spread(causes, f"{at}.topologySpreadConstraints[{index}]", item)


def _nodes(causes: Causes, at: str, rules: Object) -> None:
    required = rules.get(_REQUIRED)
    terms = (required or {}).get("nodeSelectorTerms") or ()
    if required is not None and not terms:
        causes.required(f"{at}.{_REQUIRED}.nodeSelectorTerms", "must have at least one node selector term")
    for index, term in enumerate(terms):
        _node_term(causes, f"{at}.{_REQUIRED}.nodeSelectorTerms[{index}]", term)
    _preferred(causes, at, rules, "preference", _node_term)


def _node_term(causes: Causes, at: str, term: Object) -> None:
    for field in ("matchExpressions", "matchFields"):
        for index, rule in enumerate(term.get(field) or ()):
            here, operator, values = (
                f"{at}.{field}[{index}]",
                rule.get("operator", ""),
                rule.get("values") or (),
            )
            if operator in ("In", "NotIn") and not values:
                causes.required(f"{here}.values", "must be specified when `operator` is 'In' or 'NotIn'")
            elif operator in ("Exists", "DoesNotExist") and values:
                causes.forbidden(
                    f"{here}.values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                )
            elif operator in ("Gt", "Lt") and len(values) != 1:
                causes.required(
                    f"{here}.values", "must be specified single value when `operator` is 'Lt' or 'Gt'"
                )
            elif operator not in _OPERATORS:
                causes.invalid(f"{here}.operator", operator, "not a valid selector operator")
            if field == "matchExpressions":
                names.check(causes, f"{here}.key", rule.get("key", ""), names.qualified)


def _pods(causes: Causes, at: str, rules: Object) -> None:
    for index, term in enumerate(rules.get(_REQUIRED) or ()):
        _pod_term(causes, f"{at}.{_REQUIRED}[{index}]", term)
    _preferred(causes, at, rules, "podAffinityTerm", _pod_term)


def _pod_term(causes: Causes, at: str, term: Object) -> None:
    names.check_selector(causes, f"{at}.labelSelector", term.get("labelSelector") or {})
    names.check_selector(causes, f"{at}.namespaceSelector", term.get("namespaceSelector") or {})
    _topology(causes, at, term, "can not be empty")


def _topology(causes: Causes, at: str, term: Object, rule: str) -> None:
    if not term.get("topologyKey"):
        causes.required(f"{at}.topologyKey", rule)
    else:
        names.check(causes, f"{at}.topologyKey", term["topologyKey"], names.qualified)


def _preferred(causes: Causes, at: str, rules: Object, field: str, check: Term) -> None:
    """Preferences: each has a weight, and a term in `field`."""
    for index, item in enumerate(rules.get(_PREFERRED) or ()):
        here, weight = f"{at}.{_PREFERRED}[{index}]", item.get("weight") or 0
        if not 1 <= weight <= 100:
            causes.invalid(f"{here}.weight", weight, "must be in the range 1-100")
        check(causes, f"{here}.{field}", item.get(field) or {})


def _spread(causes: Causes, at: str, item: Object) -> None:
    for field in ("maxSkew", "minDomains"):
        if (field == "maxSkew" or field in item) and (item.get(field) or 0) <= 0:
            causes.invalid(f"{at}.{field}", item.get(field) or 0, "must be greater than zero")
    _topology(causes, at, item, "can not be empty")
    when = item.get("whenUnsatisfiable", "")
    if when not in _WHEN:
        causes.unsupported(f"{at}.whenUnsatisfiable", when, _WHEN)
    elif item.get("minDomains") is not None and when != "DoNotSchedule":
        rule = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {when}"
        causes.invalid(f"{at}.minDomains", item["minDomains"], rule)
    names.check_selector(causes, f"{at}.labelSelector", get(item, "labelSelector") or {})
