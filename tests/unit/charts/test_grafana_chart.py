"""Grafana and kube-state-metrics inside the stand-in for kube-prometheus-stack: upstream's names, ports and labels."""

from __future__ import annotations

import base64

import kubernetes_validate
import pytest
import yaml

from tests.unit.charts.chart_rendering import CONFIG, Object, pick, run_helm

CHART = CONFIG / "charts-pocket" / "prometheus-community" / "kube-prometheus-stack"
NAME = "kube-prometheus-stack"
PARTS = ("grafana", "kube-state-metrics")


def render(*flags: str) -> list[Object]:
    done = run_helm("template", NAME, str(CHART), "-n", "prometheus", *flags)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def of(part: str, objects: list[Object]) -> list[Object]:
    return [one for one in objects if one["metadata"]["labels"].get("app.kubernetes.io/name") == part]


@pytest.mark.parametrize("part", PARTS)
def test_objects_are_valid_and_called_as_upstream(part):
    objects = of(part, render())
    for one in objects:
        if one["kind"] != "ServiceMonitor":
            kubernetes_validate.validate(one, "1.37", strict=True)
    roles = (
        {"ClusterRole": "-clusterrole", "ClusterRoleBinding": "-clusterrolebinding"}
        if part == "grafana"
        else {}
    )
    names = {one["kind"]: one["metadata"]["name"].removeprefix(f"{NAME}-{part}") for one in objects}
    kinds = {"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Service", "Deployment", "ServiceMonitor"}
    assert names == {kind: roles.get(kind, "") for kind in kinds} | (
        {"Secret": ""} if part == "grafana" else {}
    )


@pytest.mark.parametrize(
    ("part", "switch"), [("grafana", "grafana"), ("kube-state-metrics", "kubeStateMetrics")]
)
def test_each_can_be_left_out(part, switch):
    objects = render("--set", f"{switch}.enabled=false")
    assert not of(part, objects)
    assert any("datasource" in one["metadata"]["name"] for one in objects) == (part != "grafana")


@pytest.mark.parametrize("part", PARTS)
def test_monitors_find_their_service_by_label_and_port_name(part):
    objects = of(part, render())
    service, monitor = (pick(objects, kind, f"{NAME}-{part}") for kind in ("Service", "ServiceMonitor"))
    assert monitor["metadata"]["labels"]["release"] == NAME
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert monitor["spec"]["endpoints"][0]["port"] == service["spec"]["ports"][0]["name"]


def test_the_patch_of_the_lesson_changes_only_how_grafana_is_reached():
    (port,) = pick(render(), "Service", f"{NAME}-grafana")["spec"]["ports"]
    patch = yaml.safe_load((CONFIG / "grafana-service-patch.yaml").read_text())["spec"]
    assert patch == {"type": "NodePort", "ports": [port | {"nodePort": 31091}]}
    assert port["name"] == "http-web"


def test_the_datasource_is_the_prometheus_of_the_release_with_its_interval():
    flags = ("--set", "prometheus.prometheusSpec.scrapeInterval=5s")
    found = pick(render(*flags), "ConfigMap", f"{NAME}-grafana-datasource")
    assert found["metadata"]["labels"]["grafana_datasource"] == "1"
    (source,) = yaml.safe_load(found["data"]["datasource.yaml"])["datasources"]
    assert source["url"] == f"http://{NAME}-prometheus.prometheus:9090/"
    assert (source["isDefault"], source["jsonData"]["timeInterval"]) == (True, "5s")


def password(*flags: str) -> str:
    return base64.b64decode(
        pick(render(*flags), "Secret", f"{NAME}-grafana")["data"]["admin-password"]
    ).decode()


def test_the_password_is_the_given_one_or_a_new_one():
    assert password("--set", "grafana.adminPassword=sesame") == "sesame"
    first, second = password(), password()
    assert len(first) == 24
    assert first != second


@pytest.mark.parametrize("enabled", ["true", "false"])
def test_anonymous_looking_is_a_setting_of_grafana_ini(enabled):
    flags = ("--set", f"grafana.grafana\\.ini.auth\\.anonymous.enabled={enabled}")
    (container,) = pick(render(*flags), "Deployment", f"{NAME}-grafana")["spec"]["template"]["spec"][
        "containers"
    ]
    assert {"name": "GF_AUTH_ANONYMOUS_ENABLED", "value": enabled} in container["env"]
