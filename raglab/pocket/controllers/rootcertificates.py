"""ConfigMap ``kube-root-ca.crt``: in every namespace, for pods that check whom they talk to when they call
the API.
"""

from __future__ import annotations

from raglab.pocket.control.adoption import itself
from raglab.pocket.control.reconcile import Controller, Plan, View
from raglab.pocket.informer import Key
from raglab.pocket.objects import is_deleting

NAME = "kube-root-ca.crt"


def controller(certificate: str) -> Controller:
    """`certificate` is the cluster's certificate authority, as PEM text."""
    data = {"ca.crt": certificate}

    def plan(view: View, key: Key, now: float) -> Plan:
        result = Plan()
        namespace, found = view["namespaces"].get(key[1]), view["configmaps"].get(NAME, key[1])
        if namespace is None or is_deleting(namespace):
            return result
        metadata = {"name": NAME, "namespace": key[1]}
        if found is None:
            result.create(
                "configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
            )
        elif found.get("data") != data and not is_deleting(found):
            result.update("configmaps", found | {"data": data})
        return result

    concerned = {
        "namespaces": itself,
        "configmaps": lambda _, obj: (
            [("", obj["metadata"]["namespace"])] if obj["metadata"]["name"] == NAME else []
        ),
    }
    return Controller("root-ca-certificate-publisher", plan, concerned)
