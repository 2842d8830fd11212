"""Charts of others, installed and removed for a lesson: which commands that takes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from raglab import paths
from raglab.lesson import cluster, preparing, upstream

VALUES = paths.CHECKOUT / "kubernetes-config" / "values"


class Target:
    """A target whose values files are those of the pocket cluster."""

    def values(self) -> Path:
        return VALUES / "pocket"


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is run, with everything installed and ready."""
    seen: list[str] = []
    kinds = [f"{name}.monitoring.coreos.com" for name in ("podmonitors", "prometheusrules")]

    def run(*command: str, **more: Any) -> str:
        seen.append(" ".join(command))
        listed = {"items": [{"metadata": {"name": name}} for name in [*kinds, "clusterpolicies.nvidia.com"]]}
        return json.dumps(listed) if "get crd" in seen[-1] else "kube-prometheus-stack\n"

    monkeypatch.setattr(cluster, "run", run)
    monkeypatch.setattr(upstream, "wait_quietly", lambda *objects, **more: seen.append(f"ready {objects}"))
    for name in ("CHARTS_NVIDIA", "CHARTS_PROMETHEUS"):
        monkeypatch.setenv(name, f"https://{name.lower()}")
    return seen


def test_a_chart_comes_from_the_target_s_repository_with_the_target_s_values(commands: list[str]) -> None:
    upstream.install(upstream.STACK, Target(), upstream.EVERY_SECOND)
    add, install, *waits = commands
    assert add == "helm repo add --force-update prometheus-community https://charts_prometheus"
    assert install.startswith(
        "helm upgrade --install kube-prometheus-stack prometheus-community/kube-prometheus-stack --version 56.8.2 "
    )
    assert f"-f {VALUES}/pocket/kube-prometheus-stack.yaml -f {upstream.EVERY_SECOND}" in install
    assert f"--for=create statefulset/{upstream.PROMETHEUS}" in waits[0]
    assert waits[-1] == f"ready {upstream.STACK.ready}"


def test_removing_a_chart_takes_its_own_kinds_along(commands: list[str]) -> None:
    upstream.remove(upstream.STACK)
    assert commands[1].startswith("helm uninstall kube-prometheus-stack --wait")
    assert commands[-1] == (
        "kubectl delete crd podmonitors.monitoring.coreos.com prometheusrules.monitoring.coreos.com"
    )
    commands.clear()
    upstream.remove(upstream.GPU_OPERATOR)
    assert not any("uninstall" in command for command in commands), "it is not installed"


@pytest.mark.parametrize("target", ["pocket", "minikube"])
def test_both_targets_have_values_and_scrape_the_exporter_with_the_node_s_name(target: str) -> None:
    assert (VALUES / target / "gpu-operator.yaml").is_file()
    values = yaml.safe_load((VALUES / target / "kube-prometheus-stack.yaml").read_text())["prometheus"]
    (job,) = values["prometheusSpec"]["additionalScrapeConfigs"]
    assert job["job_name"] == "gpu-metrics"
    assert "kubernetes_node" in [rule.get("target_label") for rule in job["relabel_configs"]]
    assert values["service"] == {"type": "NodePort", "nodePort": 30090}


def test_the_states_with_metrics_exist() -> None:
    assert {"gpu-metrics", "monitoring"} <= preparing.STATES.keys()
    (setting,) = yaml.safe_load(upstream.EVERY_SECOND.read_text())["dcgmExporter"]["env"]
    assert setting == {"name": "DCGM_EXPORTER_INTERVAL", "value": "1000"}
