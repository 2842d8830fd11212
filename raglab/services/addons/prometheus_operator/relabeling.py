"""The steps of ``relabel_configs`` that the operator writes: find what a monitor means, and name what was found."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]
Step = dict[str, Any]
_META = "__meta_kubernetes"
FIELDS = {
    "sourceLabels": "source_labels", "separator": "separator", "targetLabel": "target_label", "regex": "regex",
    "modulus": "modulus", "replacement": "replacement", "action": "action",
}  # fmt: skip


def sanitised(label: str) -> str:
    """A label's name as Prometheus writes it: only letters, digits and underscores."""
    return re.sub(r"[^a-zA-Z0-9_]", "_", label)


def keep(label: str, regex: str) -> Step:
    """Only targets whose `label` matches."""
    return {"action": "keep", "source_labels": [label], "regex": regex}


def copy(source: str, target: str) -> Step:
    """The value of `source` becomes label `target`."""
    return {"source_labels": [source], "target_label": target}


def constant(target: str, value: str) -> Step:
    """Label `target` has this value."""
    return {"target_label": target, "replacement": value}


def unless_empty(source: str, target: str) -> Step:
    """The value of `source` becomes label `target` if there is one."""
    return {"source_labels": [source], "target_label": target, "regex": "(.+)", "replacement": "${1}"}


def of_selector(selector: Object, role: str) -> list[Step]:
    """Only targets whose `role`, service or pod, has the labels that a selector asks for."""
    steps = []
    for name, value in sorted((selector.get("matchLabels") or {}).items()):
        steps.append(_with_presence("keep", role, name, f"({value});true"))
    for item in selector.get("matchExpressions") or ():
        name, operator = item["key"], item["operator"]
        if operator in ("In", "NotIn"):
            action = "keep" if operator == "In" else "drop"
            steps.append(_with_presence(action, role, name, f"({'|'.join(item['values'])});true"))
        else:
            action = "keep" if operator == "Exists" else "drop"
            present = f"{_META}_{role}_labelpresent_{sanitised(name)}"
            steps.append({"action": action, "source_labels": [present], "regex": "true"})
    return steps


def _with_presence(action: str, role: str, name: str, regex: str) -> Step:
    """An absent label and an empty one look alike, so the operator asks for both value and presence."""
    labels = [f"{_META}_{role}_label_{sanitised(name)}", f"{_META}_{role}_labelpresent_{sanitised(name)}"]
    return {"action": action, "source_labels": labels, "regex": regex}


def of_port(endpoint: Object, named: str) -> list[Step]:
    """Only the port that an endpoint means; `named` is the label with the port's name."""
    if endpoint.get("port"):
        return [keep(named, endpoint["port"])]
    target = endpoint.get("targetPort")
    if target is None:
        return []
    by = "number" if isinstance(target, int) else "name"
    return [keep(f"{_META}_pod_container_port_{by}", str(target))]


def endpoint_label(endpoint: Object) -> list[Step]:
    """Label ``endpoint``: how the monitor called the port."""
    name = endpoint.get("port") or endpoint.get("targetPort")
    return [constant("endpoint", str(name))] if name else []


def running_only(endpoint: Object) -> list[Step]:
    """Pods that have ended are no targets, unless an endpoint asks for them."""
    if endpoint.get("filterRunning") is False:
        return []
    return [{"action": "drop", "source_labels": [f"{_META}_pod_phase"], "regex": "(Failed|Succeeded)"}]


def node_and_pod() -> list[Step]:
    """Labels ``node`` and ``pod`` from what an endpoint's address belongs to."""
    kind, name = f"{_META}_endpoint_address_target_kind", f"{_META}_endpoint_address_target_name"
    return [
        {
            "source_labels": [kind, name],
            "separator": ";",
            "regex": f"{what};(.*)",
            "replacement": "${1}",
            "target_label": what.lower(),
        }
        for what in ("Node", "Pod")
    ]


def own(entries: list[Mapping[str, Any]] | None) -> list[Step]:
    """A monitor's own steps, in Prometheus' spelling."""
    return [
        {FIELDS[key]: _action(key, value) for key, value in entry.items() if key in FIELDS}
        for entry in entries or ()
    ]


def _action(key: str, value: Any) -> Any:
    """The API accepts ``Keep`` as well as ``keep``."""
    return value.lower() if key == "action" else value


def sharded() -> list[Step]:
    """The part of the targets that falls to this shard: all of them, as there is one."""
    return [
        {"action": "hashmod", "source_labels": ["__address__"], "target_label": "__tmp_hash", "modulus": 1},
        keep("__tmp_hash", "$(SHARD)"),
    ]
