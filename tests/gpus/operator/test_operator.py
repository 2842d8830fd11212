"""What the operator's parts decide: features of a node, the labels that follow, and where components go."""

from __future__ import annotations

import subprocess
import sys

import pytest

from raglab.gpus import inventory
from raglab.gpus.operator import deploying, features, labelling

CARDS = inventory.load()
CPUINFO = "processor\t: 0\nflags\t\t: fpu sse avx avx2 fma\nprocessor\t: 1\nflags\t\t: fpu avx512f\n"
RELEASE = {"ID": "debian", "VERSION_ID": "12"}


def node(labels: dict[str, str], annotations: dict[str, str] | None = None) -> dict:
    return {"metadata": {"name": "n", "labels": labels, "annotations": annotations or {}}}


def test_features_of_a_node_are_upstreams() -> None:
    found = features.of_node(CARDS, CPUINFO, "6.1.0-13-amd64", RELEASE)
    assert found == {
        f"feature.node.kubernetes.io/{name}": value
        for name, value in {
            "cpu-cpuid.AVX": "true",
            "cpu-cpuid.AVX2": "true",
            "cpu-cpuid.FMA3": "true",
            "kernel-version.full": "6.1.0-13-amd64",
            "kernel-version.major": "6",
            "kernel-version.minor": "1",
            "pci-10de.present": "true",
            "system-os_release.ID": "debian",
            "system-os_release.VERSION_ID": "12",
        }.items()
    }


@pytest.mark.parametrize("kernel", ["6.1.0+", "5.15.0 special", "5.15." + "9" * 70])
def test_what_cannot_be_a_label_is_left_out(kernel: str) -> None:
    found = features.of_node(CARDS, "", kernel, {})
    assert "feature.node.kubernetes.io/kernel-version.full" not in found
    assert "feature.node.kubernetes.io/system-os_release.ID" not in found
    assert found["feature.node.kubernetes.io/kernel-version.major"] in ("5", "6")


def test_labels_of_the_gpus_are_those_of_gpu_feature_discovery() -> None:
    found = features.of_gpus(CARDS, 1700000000)
    assert found["nvidia.com/gpu.product"] == "NVIDIA-A100-80GB-PCIe"
    assert found["nvidia.com/cuda.driver-version.full"] == "550.54.15"
    assert found["nvidia.com/gfd.timestamp"] == "1700000000"
    names = {name.removeprefix("nvidia.com/") for name in found}
    assert names == {
        *(f"cuda.driver-version.{part}" for part in ("major", "minor", "revision", "full")),
        *(f"cuda.runtime-version.{part}" for part in ("major", "minor", "full")),
        *(f"gpu.{part}" for part in ("product", "count", "memory", "family", "machine", "replicas", "mode")),
        *("gpu.compute.major", "gpu.compute.minor", "gpu.sharing-strategy"),
        *("gfd.timestamp", "mig.strategy", "mig.capable"),
    }


def test_the_master_writes_what_is_published_and_takes_back_its_own_only() -> None:
    before = node({"a/x": "1", "a/gone": "1", "mine": "1"}, {labelling.OWNED: "a/gone,a/x"})
    patch = labelling.change(before, {"a/x": "2", "a/new": "3"})
    assert patch == {
        "metadata": {
            "labels": {"a/x": "2", "a/new": "3", "a/gone": None},
            "annotations": {labelling.OWNED: "a/new,a/x"},
        }
    }
    after = node({"a/x": "2", "a/new": "3", "mine": "1"}, {labelling.OWNED: "a/new,a/x"})
    assert labelling.change(after, {"a/x": "2", "a/new": "3"}) == {}
    assert labelling.change(node({"mine": "1"}), {}) == {}


def test_the_operator_labels_nodes_with_a_device() -> None:
    labels = deploying.change(node({features.GPU_PRESENT: "true"}))
    assert labels.pop("nvidia.com/gpu.present") == "true"
    assert set(labels) == {deploying.DEPLOY + component for component in deploying.COMPONENTS}
    assert set(labels.values()) == {"true"}
    assert deploying.change(node({features.GPU_PRESENT: "true", deploying.PRESENT: "true", **labels})) == {}


def test_the_operator_leaves_what_somebody_has_set() -> None:
    mine = deploying.DEPLOY + "dcgm-exporter"
    assert mine not in deploying.change(node({features.GPU_PRESENT: "true", mine: "false"}))


def test_the_operator_takes_its_labels_back_when_the_device_is_gone() -> None:
    assert deploying.change(node({deploying.PRESENT: "true", "other": "1"})) == {deploying.PRESENT: None}


def daemon_set(ready: int, **selector: str) -> dict:
    return {"spec": {"template": {"spec": {"nodeSelector": selector}}}, "status": {"numberReady": ready}}


@pytest.mark.parametrize(
    ("daemon_sets", "labels", "state"),
    [
        ([daemon_set(1), daemon_set(1, a="true")], {deploying.PRESENT: "true", "a": "true"}, "ready"),
        ([daemon_set(1), daemon_set(0, a="true")], {deploying.PRESENT: "true", "a": "true"}, "notReady"),
        ([daemon_set(1), daemon_set(0, a="true")], {deploying.PRESENT: "true", "a": "false"}, "ready"),
        ([daemon_set(1), daemon_set(0, a="true")], {}, "notReady"),
    ],
)
def test_the_policy_is_ready_when_every_component_is_where_it_belongs(daemon_sets, labels, state) -> None:
    assert deploying.state(daemon_sets, [node(labels)]) == state


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["nfd-worker", "more"]])
def test_a_part_that_does_not_exist_is_refused(arguments: list[str]) -> None:
    command = [sys.executable, "-m", "raglab.gpus.operator", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "there are: gpu-operator, nfd-master" in done.stderr
