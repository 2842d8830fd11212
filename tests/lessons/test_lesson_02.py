"""The checks of lesson 02: right states pass, wrong ones are told with what was seen."""

from __future__ import annotations

from typing import Any

import pytest

from raglab.gpus.inventory import RESOURCE
from raglab.lesson import cluster, waiting
from raglab.lesson.checks import lesson_02

LABELS = {"nvidia.com/gpu.product": "NVIDIA-A100-80GB-PCIe", "nvidia.com/gpu.count": "4"}
WHY = f"0/1 nodes are available: 1 Insufficient {RESOURCE}."


class Cluster:
    """A cluster that answers from these lists."""

    def __init__(self) -> None:
        self.labels = dict(LABELS)
        self.ready = dict.fromkeys(lesson_02.COMPONENTS, (1, 1))
        self.pod: dict[str, Any] = {"phase": "Succeeded"}
        self.log, self.namespaces = "Test PASSED\nDone\n", ["default"]

    def items(self, kind: str, *more: str, namespace: str = "") -> list[dict[str, Any]]:
        if kind == "daemonsets":
            return [
                {
                    "metadata": {"name": name},
                    "status": {"numberReady": ready, "desiredNumberScheduled": wanted},
                }
                for name, (ready, wanted) in self.ready.items()
            ]
        node = {"metadata": {"labels": self.labels}, "status": {"allocatable": {RESOURCE: "4"}}}
        return [node] if kind == "nodes" else []


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()
    monkeypatch.setattr(cluster, "items", made.items)
    monkeypatch.setattr(cluster, "get", lambda *what, **more: {"status": made.pod})
    monkeypatch.setattr(cluster, "kubectl", lambda *arguments, **more: made.log)
    monkeypatch.setattr(cluster, "exists", lambda kind, name, **more: name in made.namespaces)
    return made


@pytest.mark.parametrize(("answer", "right"), [(4, True), (3, False), (0, False)])
def test_the_number_of_gpus_is_the_clusters(fake: Cluster, answer: int, right: bool) -> None:
    verdict = lesson_02.allocatable(answer)
    assert (verdict.passed, verdict.expected) == (right, "4")


def test_the_operator_needs_every_component(fake: Cluster) -> None:
    assert lesson_02.operator().passed
    fake.ready["nvidia-dcgm-exporter"] = (0, 1)
    assert lesson_02.operator().observed == "not ready: nvidia-dcgm-exporter"
    fake.ready["nvidia-dcgm-exporter"] = (0, 0)
    assert not lesson_02.operator().passed
    del fake.ready["nvidia-dcgm-exporter"]
    assert lesson_02.operator().observed == "not ready: nvidia-dcgm-exporter"


@pytest.mark.parametrize("change", [{"nvidia.com/gpu.count": "2"}, None])
def test_labels_agree_with_what_the_node_offers(fake: Cluster, change: dict[str, str] | None) -> None:
    assert lesson_02.labels().passed
    fake.labels = {} if change is None else LABELS | change
    assert not lesson_02.labels().passed


@pytest.mark.parametrize(
    ("phase", "log", "right"),
    [
        ("Succeeded", "Test PASSED\nDone\n", True),
        ("Succeeded", "hello\n", False),
        ("Failed", "Test PASSED\n", False),
        ("Pending", "", False),
    ],
)
def test_a_vector_addition_has_ended_and_passed(fake: Cluster, phase: str, log: str, right: bool) -> None:
    fake.pod, fake.log = {"phase": phase}, log
    assert lesson_02.vector_add().passed is lesson_02.debugged().passed is right


def test_the_pending_pod_lacks_gpus_and_nothing_else(fake: Cluster) -> None:
    waits = {"type": "PodScheduled", "status": "False", "message": WHY}
    fake.pod = {"phase": "Pending", "conditions": [waits]}
    assert lesson_02.pending().passed
    fake.pod["conditions"][0]["message"] = "0/1 nodes are available: 1 Insufficient cpu."
    assert lesson_02.pending().observed == "0/1 nodes are available: 1 Insufficient cpu."
    fake.pod = {"phase": "Running"}
    assert not lesson_02.pending().passed


@pytest.mark.parametrize(("state", "right"), [((1, 1), True), ((0, 1), False), ((0, 0), False)])
def test_the_exporter_is_wanted_and_ready(fake: Cluster, state: tuple[int, int], right: bool) -> None:
    fake.ready["nvidia-dcgm-exporter"] = state
    assert lesson_02.repaired().passed is right


def test_clean_means_that_namespaces_and_the_new_kind_are_gone(fake: Cluster) -> None:
    assert lesson_02.clean().passed
    fake.namespaces.append("gpu-operator")
    assert lesson_02.clean().observed == "namespace/gpu-operator"


@pytest.mark.parametrize(
    ("wanted", "ready", "updated", "observed", "right"),
    [(1, 1, 1, 1, True), (0, 0, 0, 1, False), (1, 1, 0, 1, False), (2, 1, 2, 1, False), (1, 1, 1, 0, False)],
)
def test_a_daemonset_is_ready_on_the_nodes_that_want_it(wanted, ready, updated, observed, right) -> None:
    status = {
        "desiredNumberScheduled": wanted,
        "numberReady": ready,
        "updatedNumberScheduled": updated,
        "observedGeneration": observed,
    }
    assert waiting.RULES["daemonset"]({"metadata": {"generation": 1}, "status": status})[0] is right
