"""The stand-in for the chart metrics-server: names, arguments, rights and APIService of upstream."""

from __future__ import annotations

import kubernetes_validate
import pytest
import yaml

from raglab.services.addons.metrics_server import options
from tests.unit.charts.chart_rendering import CONFIG, Object, pick, run_helm

CHART = CONFIG / "charts-pocket" / "metrics-server" / "metrics-server"


def render(*flags: str, release: str = "metrics-server") -> list[Object]:
    done = run_helm("template", release, str(CHART), "-n", "kube-system", *flags)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def test_lint_finds_nothing():
    done = run_helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout


def test_objects_are_valid_and_called_as_upstream():
    objects = render()
    for obj in objects:
        kubernetes_validate.validate(obj, "1.37", strict=True)
    assert {f"{obj['kind']}/{obj['metadata']['name']}" for obj in objects} == {
        "ServiceAccount/metrics-server",
        "ClusterRole/system:metrics-server",
        "ClusterRole/system:metrics-server-aggregated-reader",
        "ClusterRoleBinding/system:metrics-server",
        "ClusterRoleBinding/metrics-server:system:auth-delegator",
        "RoleBinding/metrics-server-auth-reader",
        "Service/metrics-server",
        "Deployment/metrics-server",
        "APIService/v1beta1.metrics.k8s.io",
    }


def test_the_program_understands_its_arguments_with_minikubes_flag_too():
    (container,) = pick(render("--set=args={--kubelet-insecure-tls}"), "Deployment", "metrics-server")[
        "spec"
    ]["template"]["spec"]["containers"]
    assert container["image"] == "registry.k8s.io/metrics-server/metrics-server:v0.7.2"
    assert container["args"][-1] == "--kubelet-insecure-tls"
    assert options.read(container["args"]).port == container["ports"][0]["containerPort"] == 10250


def test_the_api_service_leads_to_the_pods():
    objects = render(release="mine")
    service = pick(objects, "APIService", "v1beta1.metrics.k8s.io")["spec"]["service"]
    found = pick(objects, "Service", service["name"])
    deployment = pick(objects, "Deployment", service["name"])
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert found["spec"]["selector"].items() <= labels.items()
    assert [port["port"] for port in found["spec"]["ports"]] == [service["port"]]
    assert service["namespace"] == "kube-system"


@pytest.mark.parametrize("flag", ["metrics.enabled=true", "replicas=many", "args={kubelet-insecure-tls}"])
def test_what_has_no_effect_is_refused(flag: str):
    done = run_helm("template", "metrics-server", str(CHART), "--set", flag)
    assert done.returncode != 0
    assert "values don't meet the specifications" in done.stderr
