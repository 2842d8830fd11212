"""ServiceAccount: every namespace has one named ``default``, which pods use that name no other."""

from __future__ import annotations

from raglab.pocket.control.adoption import itself
from raglab.pocket.control.reconcile import Controller, Plan, View
from raglab.pocket.informer import Key
from raglab.pocket.objects import is_deleting

NAME = "default"


def plan(view: View, key: Key, now: float) -> Plan:
    """Create the account if the namespace lacks it."""
    result = Plan()
    namespace = view["namespaces"].get(key[1])
    if namespace is None or is_deleting(namespace) or view["serviceaccounts"].get(NAME, key[1]) is not None:
        return result
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": NAME, "namespace": key[1]}}
    result.create("serviceaccounts", account)
    return result


CONTROLLER = Controller(
    "service-account-controller",
    plan,
    {"namespaces": itself, "serviceaccounts": lambda _, account: [("", account["metadata"]["namespace"])]},
)
