"""Which monitors a Prometheus takes: the classic traps are here."""

from __future__ import annotations

import pytest

from raglab.services.addons.prometheus_operator import selection

SPACES = {"prometheus": {"kubernetes.io/metadata.name": "prometheus"}, "app": {"team": "rag"}}
RELEASE = {"matchLabels": {"release": "kps"}}


def monitor(name: str, namespace: str, **labels: str) -> dict:
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels}}


MONITORS = [
    monitor("b", "app", release="kps", tier="web"),
    monitor("forgotten", "app", tier="web"),
    monitor("a", "prometheus", release="kps"),
    monitor("other", "prometheus", release="other"),
]


@pytest.mark.parametrize(
    ("selector", "places", "taken"),
    [
        (RELEASE, {}, ["b", "a"]),
        (RELEASE, None, ["a"]),
        (RELEASE, {"matchLabels": {"team": "rag"}}, ["b"]),
        ({}, {}, ["b", "forgotten", "a", "other"]),
        (None, {}, []),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, {}, ["b", "forgotten"]),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, {}, ["a", "other"]),
        (
            {"matchExpressions": [{"key": "release", "operator": "In", "values": ["kps", "other"]}]},
            {},
            ["b", "a", "other"],
        ),
        (
            {"matchExpressions": [{"key": "release", "operator": "NotIn", "values": ["kps"]}]},
            {},
            ["forgotten", "other"],
        ),
        ({**RELEASE, "matchExpressions": [{"key": "tier", "operator": "Exists"}]}, {}, ["b"]),
    ],
)
def test_selection(selector, places, taken):
    spec = {"serviceMonitorSelector": selector, "serviceMonitorNamespaceSelector": places}
    spec = {key: value for key, value in spec.items() if value is not None}
    prometheus = {"metadata": {"namespace": "prometheus"}, "spec": spec}
    found = selection.chosen(prometheus, "serviceMonitor", reversed(MONITORS), SPACES)
    assert [item["metadata"]["name"] for item in found] == taken
