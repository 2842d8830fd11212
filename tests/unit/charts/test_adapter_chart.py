"""The stand-in for the chart prometheus-adapter: names, arguments, rules and APIServices of upstream."""

from __future__ import annotations

import kubernetes_validate
import pytest
import yaml

from raglab.services.addons.metrics_adapter import options as adapter_options
from tests.unit.charts.chart_rendering import CONFIG, TARGETS, Object, pick, run_helm, values_file

CHART = CONFIG / "charts-pocket" / "prometheus-community" / "prometheus-adapter"
SEED = "--set=prometheus.url=http://kube-prometheus-stack-prometheus.prometheus.svc.cluster.local"


def render(*flags: str, release: str = "prometheus-adapter") -> list[Object]:
    done = run_helm("template", release, str(CHART), "-n", "default", *flags)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def arguments(objects: list[Object]) -> list[str]:
    (deployment,) = (obj for obj in objects if obj["kind"] == "Deployment")
    return deployment["spec"]["template"]["spec"]["containers"][0]["args"]


def config(objects: list[Object]) -> Object:
    return yaml.safe_load(pick(objects, "ConfigMap", "prometheus-adapter")["data"]["config.yaml"])


def test_lint_finds_nothing():
    done = run_helm("lint", "--strict", str(CHART))
    assert done.returncode == 0, done.stdout


def test_objects_are_valid_and_called_as_upstream():
    objects = render(SEED)
    for obj in objects:
        kubernetes_validate.validate(obj, "1.37", strict=True)
    assert {f"{obj['kind']}/{obj['metadata']['name']}" for obj in objects} == {
        "ServiceAccount/prometheus-adapter",
        "ConfigMap/prometheus-adapter",
        "Service/prometheus-adapter",
        "Deployment/prometheus-adapter",
        "APIService/v1beta1.custom.metrics.k8s.io",
        "ClusterRole/prometheus-adapter-resource-reader",
        "ClusterRole/prometheus-adapter-server-resources",
        "ClusterRoleBinding/prometheus-adapter-resource-reader",
        "ClusterRoleBinding/prometheus-adapter-hpa-controller",
        "ClusterRoleBinding/prometheus-adapter-system-auth-delegator",
        "RoleBinding/prometheus-adapter-auth-reader",
    }


def test_another_release_name_comes_before_the_charts():
    assert pick(render(release="mine"), "Service", "mine-prometheus-adapter")


def test_the_api_service_leads_to_the_pods():
    objects = render(SEED)
    spec = pick(objects, "APIService", "v1beta1.custom.metrics.k8s.io")["spec"]
    assert spec["insecureSkipTLSVerify"] is True
    assert spec["service"] == {"name": "prometheus-adapter", "namespace": "default", "port": 443}
    service = pick(objects, "Service", "prometheus-adapter")["spec"]
    assert [(port["port"], port["targetPort"]) for port in service["ports"]] == [(443, "https")]
    template = pick(objects, "Deployment", "prometheus-adapter")["spec"]["template"]
    assert service["selector"].items() <= template["metadata"]["labels"].items()
    assert template["spec"]["containers"][0]["ports"] == [{"name": "https", "containerPort": 6443}]


@pytest.mark.parametrize(
    ("flags", "argument"),
    [
        (
            (SEED,),
            "--prometheus-url=http://kube-prometheus-stack-prometheus.prometheus.svc.cluster.local:9090",
        ),
        ((), "--prometheus-url=http://prometheus.default.svc:9090"),
        (("--set=prometheus.path=/prom",), "--prometheus-url=http://prometheus.default.svc:9090/prom"),
        (
            ("--set=prometheus.url=http://{{ .Release.Name }}:8", "--set=prometheus.port="),
            "--prometheus-url=http://prometheus-adapter:8",
        ),
        ((), "--metrics-relist-interval=1m"),
        (("--set=metricsRelistInterval=10s",), "--metrics-relist-interval=10s"),
    ],
)
def test_arguments(flags, argument):
    assert argument in arguments(render(*flags))


@pytest.mark.parametrize("target", TARGETS)
def test_the_lessons_adapter_finds_metrics_soon_and_keeps_them_between_scrapes(target):
    given = arguments(render(SEED, "-f", values_file(target, "prometheus-adapter")))
    options = adapter_options.read(given)
    assert (options.relist_interval, options.max_age) == (15, 120)


def test_custom_rules_come_after_the_default_ones():
    rules = config(render("--set=rules.custom[0].seriesQuery=mine"))["rules"]
    assert len(rules) == 7 and rules[6] == {"seriesQuery": "mine"}
    alone = config(render("--set=rules.default=false", "--set=rules.custom[0].seriesQuery=mine"))
    assert alone == {"rules": [{"seriesQuery": "mine"}]}


def test_external_rules_register_their_api():
    objects = render("--set=rules.default=false", "--set=rules.external[0].seriesQuery=queue")
    assert config(objects) == {"externalRules": [{"seriesQuery": "queue"}]}
    assert [obj["metadata"]["name"] for obj in objects if obj["kind"] == "APIService"] == [
        "v1beta1.external.metrics.k8s.io"
    ]


def test_an_existing_config_map_replaces_all_rules():
    objects = render("--set=rules.existing=mine")
    assert not [obj for obj in objects if obj["kind"] == "ConfigMap"]
    volumes = pick(objects, "Deployment", "prometheus-adapter")["spec"]["template"]["spec"]["volumes"]
    assert volumes[0] == {"name": "config", "configMap": {"name": "mine"}}


def test_new_rules_start_new_pods():
    before, after = render(), render("--set=rules.custom[0].seriesQuery=mine")
    annotations = [
        pick(objects, "Deployment", "prometheus-adapter")["spec"]["template"]["metadata"]["annotations"]
        for objects in (before, after)
    ]
    assert annotations[0] != annotations[1]


@pytest.mark.parametrize(
    ("flag", "complaint"),
    [
        ("--set=prometheus.ulr=http://x", "ulr"),
        ("--set=metricsRelistInterval=soon", "metricsRelistInterval"),
        ("--set=prometheus.url=x:9090", "prometheus.url"),
        ("--set=tls.enable=true", "tls"),
    ],
)
def test_what_it_does_not_know_is_refused(flag, complaint):
    done = run_helm("template", "a", str(CHART), flag)
    assert done.returncode != 0
    assert complaint.rpartition(".")[2] in done.stderr
