"""The stand-in for the chart kube-prometheus-stack: upstream's names, labels, ports and selection rules."""

from __future__ import annotations

import json

import jsonschema
import kubernetes_validate
import pytest
import yaml

from tests.unit.charts.chart_rendering import CONFIG, Object, pick, run_helm

CHART = CONFIG / "charts-pocket" / "prometheus-community" / "kube-prometheus-stack"
NAME = "kube-prometheus-stack"
CUSTOM = "monitoring.coreos.com/v1"
SPEC = "prometheus.prometheusSpec"


def render(*flags: str, release: str = NAME) -> list[Object]:
    done = run_helm("template", release, str(CHART), "-n", "prometheus", *flags)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def prometheus(*flags: str) -> Object:
    return pick(render(*flags), "Prometheus", f"{NAME}-prometheus")["spec"]


def test_lint_finds_nothing():
    done = run_helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout


def test_objects_are_valid_and_called_as_upstream():
    objects = render("--set", "grafana.enabled=false,kubeStateMetrics.enabled=false")
    for obj in objects:
        if obj["apiVersion"] == CUSTOM:
            schema = yaml.safe_load(crd(obj["kind"]))["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
            jsonschema.validate(obj["spec"], strict(schema["properties"]["spec"]))
        else:
            kubernetes_validate.validate(obj, "1.37", strict=True)
    assert {f"{obj['kind']}/{obj['metadata']['name']}" for obj in objects} == {
        f"{kind}/{NAME}-{part}"
        for part in ("operator", "prometheus")
        for kind in ("ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Service", "ServiceMonitor")
    } | {f"Deployment/{NAME}-operator", f"Prometheus/{NAME}-prometheus", f"PrometheusRule/{NAME}-prometheus"}
    assert all(obj["metadata"]["labels"]["release"] == NAME for obj in objects)


def crd(kind: str) -> str:
    (file,) = (f for f in (CHART / "crds").iterdir() if f"\n    kind: {kind}\n" in f.read_text())
    return file.read_text()


def strict(schema: Object) -> Object:
    """The schema as the API reads it: what is not named does not exist."""
    if "properties" in schema:
        inner = {name: strict(part) for name, part in schema["properties"].items()}
        return schema | {"properties": inner, "additionalProperties": False}
    return schema | {"items": strict(schema["items"])} if "items" in schema else schema


@pytest.mark.parametrize(
    ("release", "prefix"),
    [
        (NAME, NAME),
        ("kube-prometheus-stack-1710254997", "kube-prometheus-stack-1710"),
        ("mon", "mon-kube-prometheus-stack"),
        ("monitoring", "monitoring-kube-prometheus"),
    ],
)
def test_names_are_cut_to_26_characters(release, prefix):
    assert pick(render(release=release), "Service", f"{prefix}-prometheus")


def test_the_service_of_prometheus():
    flags = ("--set=prometheus.service.type=NodePort",)
    service = pick(render(*flags), "Service", f"{NAME}-prometheus")
    assert service["metadata"]["labels"]["app"] == "kube-prometheus-stack-prometheus"
    assert service["spec"]["ports"] == [
        {"name": "http-web", "port": 9090, "targetPort": 9090, "nodePort": 30090},
        {"name": "reloader-web", "port": 8080, "targetPort": "reloader-web"},
    ]
    plain = pick(render(), "Service", f"{NAME}-prometheus")["spec"]
    assert plain["type"] == "ClusterIP" and "nodePort" not in plain["ports"][0]


def test_the_release_label_decides_unless_told_otherwise():
    release = {"matchLabels": {"release": NAME}}
    spec = prometheus()
    for kind in ("serviceMonitor", "podMonitor", "rule"):
        assert (spec[f"{kind}Selector"], spec[f"{kind}NamespaceSelector"]) == (release, {})
    assert (
        prometheus(f"--set={SPEC}.serviceMonitorSelectorNilUsesHelmValues=false")["serviceMonitorSelector"]
        == {}
    )
    own = prometheus(f"--set={SPEC}.serviceMonitorSelector.matchLabels.team=rag")
    assert own["serviceMonitorSelector"] == {"matchLabels": {"team": "rag"}}


def test_additional_scrape_jobs_lie_in_a_secret():
    jobs = [{"job_name": "gpu-metrics", "scrape_interval": "1s"}]
    objects = render("--set-json", f"{SPEC}.additionalScrapeConfigs={json.dumps(jobs)}")
    secret = pick(objects, "Secret", f"{NAME}-prometheus-scrape-confg")
    spec = pick(objects, "Prometheus", f"{NAME}-prometheus")["spec"]
    assert spec["additionalScrapeConfigs"] == {
        "name": secret["metadata"]["name"],
        "key": "additional-scrape-configs.yaml",
    }
    assert "additionalScrapeConfigs" not in prometheus()


def test_values_of_a_real_cluster_are_accepted():
    assert render("--set=grafana.adminPassword=x,grafana.service.type=NodePort,alertmanager.enabled=false")
