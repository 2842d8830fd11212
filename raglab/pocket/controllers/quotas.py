"""ResourceQuota: keeps account, in its status, of what its namespace uses. (That it is kept to, admission sees to.)"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from raglab.pocket.client import Object
from raglab.pocket.control.copies import DEFINITIONS, View
from raglab.pocket.control.reconcile import Controller, Plan
from raglab.pocket.informer import Key, key_of
from raglab.pocket.kinds.quantity import NOTHING
from raglab.pocket.kinds.resources import Amounts, amounts, plus, texts
from raglab.pocket.kinds.usage import in_scope, source_of, used


def controller(resources: Mapping[str, str]) -> Controller:
    """`resources` are those that can be counted: how quotas call them (``deployments.apps``), and their plural."""

    def plan(view: View, key: Key, now: float) -> Plan:
        result = Plan()
        quota = view["resourcequotas"].get(key[1], key[0])
        if quota is None:
            return result
        hard = amounts(quota["spec"].get("hard"))
        found = plus(*(_used(view, quota, hard, resource) for resource in {source_of(name) for name in hard}))
        counted = {name: found.get(name, NOTHING) for name in hard}
        result.status("resourcequotas", quota, {"hard": texts(hard), "used": texts(counted)})
        return result

    def _used(view: View, quota: Object, hard: Iterable[str], resource: str) -> Amounts:
        plural = resources.get(resource, resource)
        if plural not in view:
            return {}
        objects = view[plural].list(quota["metadata"]["namespace"])
        return used(hard, resource, (obj for obj in objects if in_scope(quota, resource, obj)))

    triggers = dict.fromkeys(resources.values(), _quotas) | {DEFINITIONS: _all_quotas}
    return Controller("resourcequota-controller", plan, triggers, custom=_quotas)


def _quotas(view: View, obj: Object) -> Iterable[Key]:
    """A trigger: everything that comes or goes concerns the quotas of its namespace."""
    namespace = obj["metadata"].get("namespace")
    return map(key_of, view["resourcequotas"].list(namespace)) if namespace else ()


def _all_quotas(view: View, definition: Object) -> Iterable[Key]:
    """A trigger: a new kind of objects."""
    return map(key_of, view["resourcequotas"])
