"""The stand-in for the chart gpu-operator: upstream's objects, ports and values, and no setting that does nothing."""

from __future__ import annotations

import kubernetes_validate
import pytest
import yaml

from raglab.gpus.operator import deploying
from raglab.gpus.operator.__main__ import PARTS
from raglab.pocket.node.images import Images
from raglab.services import __path__ as services
from tests.unit.charts.chart_rendering import CONFIG, TARGETS, Object, pick, run_helm, values_file

CHART = CONFIG / "charts-pocket" / "nvidia" / "gpu-operator"
MONITOR = "--set=dcgmExporter.serviceMonitor.enabled=true"


def render(*flags: str, release: str = "gpu-operator") -> list[Object]:
    done = run_helm("template", release, str(CHART), "-n", "gpu-operator", *flags)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def containers(obj: Object) -> list[Object]:
    spec = obj["spec"]["template"]["spec"]
    return [*spec.get("initContainers", ()), *spec["containers"]]


def test_lint_finds_nothing() -> None:
    done = run_helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout


def test_workloads_are_those_of_upstream_without_driver_and_mig() -> None:
    objects = render()
    for obj in objects:
        if obj["kind"] != "ClusterPolicy":
            kubernetes_validate.validate(obj, "1.37", strict=True)
    workloads = {
        f"{obj['kind']}/{obj['metadata']['name']}" for obj in objects if "template" in obj.get("spec", {})
    }
    assert workloads == {
        "Deployment/gpu-operator",
        "Deployment/gpu-operator-node-feature-discovery-master",
        "Deployment/gpu-operator-node-feature-discovery-gc",
        "DaemonSet/gpu-operator-node-feature-discovery-worker",
        "DaemonSet/gpu-feature-discovery",
        "DaemonSet/nvidia-container-toolkit-daemonset",
        "DaemonSet/nvidia-dcgm-exporter",
        "DaemonSet/nvidia-device-plugin-daemonset",
        "DaemonSet/nvidia-operator-validator",
        "Job/gpu-operator-node-feature-discovery-prune",
    }


def test_the_values_of_both_targets_fit() -> None:
    for target in TARGETS:
        assert render("-f", values_file(target, "gpu-operator"))


def test_components_go_where_the_operator_puts_them() -> None:
    selectors = [
        obj["spec"]["template"]["spec"]["nodeSelector"]
        for obj in render()
        if obj["kind"] == "DaemonSet" and not obj["metadata"]["name"].endswith("-worker")
    ]
    assert {next(iter(selector)) for selector in selectors} == {
        deploying.DEPLOY + component for component in deploying.COMPONENTS
    }


def test_every_container_has_a_program_and_plays_a_part() -> None:
    images = Images([*(CONFIG.parent / path / "images.yaml" for path in services)], {})
    for obj in render():
        for container in containers(obj) if "template" in obj.get("spec", {}) else []:
            program = images.resolve(container["image"])
            if program.entrypoint[-1] == "raglab.gpus.operator" and "command" not in container:
                assert container["args"][0] in PARTS


def test_the_policy_says_what_is_wanted() -> None:
    policy = pick(render("--set=gfd.enabled=false"), "ClusterPolicy", "cluster-policy")
    wanted = {component: setting["enabled"] for component, setting in policy["spec"].items()}
    assert wanted == {
        "driver": False,
        "migManager": False,
        "toolkit": True,
        "devicePlugin": True,
        "gfd": False,
        "dcgmExporter": True,
    }
    (definition,) = yaml.safe_load_all((CHART / "crds" / "clusterpolicies.yaml").read_text())
    kubernetes_validate.validate(definition, "1.37", strict=True)
    assert (
        policy["apiVersion"] == f"{definition['spec']['group']}/{definition['spec']['versions'][0]['name']}"
    )


def test_the_exporters_service_is_called_as_upstream() -> None:
    service = pick(render(), "Service", "nvidia-dcgm-exporter")
    assert service["metadata"]["labels"]["app"] == "nvidia-dcgm-exporter"
    assert [(port["name"], port["port"]) for port in service["spec"]["ports"]] == [("gpu-metrics", 9400)]


def test_settings_of_the_exporter_reach_it() -> None:
    flags = (
        "--set",
        "dcgmExporter.env[0].name=DCGM_EXPORTER_INTERVAL",
        "--set-string",
        "dcgmExporter.env[0].value=1000",
    )
    exporter = containers(pick(render(*flags), "DaemonSet", "nvidia-dcgm-exporter"))[-1]
    assert {"name": "DCGM_EXPORTER_INTERVAL", "value": "1000"} in exporter["env"]


def test_there_is_no_service_monitor_unless_asked_for() -> None:
    assert not [obj for obj in render() if obj["kind"] == "ServiceMonitor"]


def test_the_service_monitor_can_be_right_or_the_trap() -> None:
    monitor = pick(render(MONITOR), "ServiceMonitor", "nvidia-dcgm-exporter")
    (endpoint,) = monitor["spec"]["endpoints"]
    assert endpoint == {"port": "gpu-metrics", "path": "/metrics", "interval": "15s", "honorLabels": False}
    service = pick(render(), "Service", "nvidia-dcgm-exporter")["metadata"]["labels"]
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service.items()
    prefix = "--set=dcgmExporter.serviceMonitor."
    relabel = "relabelings[0].targetLabel=kubernetes_node"
    own = render(MONITOR, *(prefix + flag for flag in ("honorLabels=true", "interval=1s", relabel)),
                 prefix + "additionalLabels.release=kube-prometheus-stack")  # fmt: skip
    monitor = pick(own, "ServiceMonitor", "nvidia-dcgm-exporter")
    (endpoint,) = monitor["spec"]["endpoints"]
    assert (endpoint["honorLabels"], endpoint["interval"]) == (True, "1s")
    assert endpoint["relabelings"] == [{"targetLabel": "kubernetes_node"}]
    assert monitor["metadata"]["labels"]["release"] == "kube-prometheus-stack"


@pytest.mark.parametrize(
    "flag",
    [
        "driver.enabled=true",
        "migManager.enabled=true",
        "dcgmExporter.enalbed=true",
        "dcgmExporter.serviceMonitor.interval=often",
    ],
)
def test_settings_that_cannot_be_are_refused(flag: str) -> None:
    done = run_helm("template", "gpu-operator", str(CHART), "--set", flag)
    assert done.returncode != 0
    assert flag.split(".")[0] in done.stderr


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("toolkit", "nvidia-container-toolkit-daemonset"),
        ("devicePlugin", "nvidia-device-plugin-daemonset"),
        ("gfd", "gpu-feature-discovery"),
        ("dcgmExporter", "nvidia-dcgm-exporter"),
        ("nfd", "gpu-operator-node-feature-discovery-worker"),
    ],
)
def test_each_component_can_be_left_out(key: str, name: str) -> None:
    names = {obj["metadata"]["name"] for obj in render(f"--set={key}.enabled=false")}
    assert name not in names and "gpu-operator" in names
