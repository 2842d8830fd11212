"""The generated configuration: what the real operator writes, and what the real Prometheus accepts."""

from __future__ import annotations

import copy
import gzip
import subprocess
from pathlib import Path

import pytest

from raglab.services.addons.prometheus_operator import config, rules

PROMETHEUS = {"metadata": {"name": "kps-prometheus", "namespace": "prometheus"}, "spec": {}}


def service_monitor(endpoint: dict, **spec: object) -> dict:
    meta = {"name": "dcgm", "namespace": "gpu-operator"}
    return {
        "metadata": meta,
        "spec": {"selector": {"matchLabels": {"app": "x"}}, "endpoints": [endpoint]} | spec,
    }


def pod_monitor(endpoint: dict, **spec: object) -> dict:
    meta = {"name": "nim", "namespace": "rag-sample"}
    more = {"selector": {"matchLabels": {"app": "x"}}, "podMetricsEndpoints": [endpoint]}
    return {"metadata": meta, "spec": more | spec}


def job(services: list[dict] = (), pods: list[dict] = ()) -> dict:
    """The only scrape job of a configuration."""
    (found,) = config.render(PROMETHEUS, services, pods)["scrape_configs"]
    return found


def steps(found: dict) -> list[tuple]:
    """Relabelings in short: (action, sources, regex, target, replacement)."""
    return [
        (
            step.get("action", "replace"),
            " ".join(step.get("source_labels", ())).replace("__meta_kubernetes_", "~"),
            step.get("regex"),
            step.get("target_label"),
            step.get("replacement"),
        )
        for step in found["relabel_configs"]
    ]


def test_a_service_monitor_in_the_real_operators_order():
    found = job([service_monitor({"port": "gpu-metrics", "interval": "1s"}, jobLabel="app.name")])
    assert found["job_name"] == "serviceMonitor/gpu-operator/dcgm/0"
    assert found["honor_labels"] is False and found["scrape_interval"] == "1s"
    discovery = {"role": "endpoints", "namespaces": {"names": ["gpu-operator"]}}
    assert found["kubernetes_sd_configs"] == [discovery]
    kind_and_name = "~endpoint_address_target_kind ~endpoint_address_target_name"
    assert steps(found) == [
        ("replace", "job", None, "__tmp_prometheus_job_name", None),
        ("keep", "~service_label_app ~service_labelpresent_app", "(x);true", None, None),
        ("keep", "~endpoint_port_name", "gpu-metrics", None, None),
        ("replace", kind_and_name, "Node;(.*)", "node", "${1}"),
        ("replace", kind_and_name, "Pod;(.*)", "pod", "${1}"),
        ("replace", "~namespace", None, "namespace", None),
        ("replace", "~service_name", None, "service", None),
        ("replace", "~pod_name", None, "pod", None),
        ("replace", "~pod_container_name", None, "container", None),
        ("drop", "~pod_phase", "(Failed|Succeeded)", None, None),
        ("replace", "~service_name", None, "job", "${1}"),
        ("replace", "~service_label_app_name", "(.+)", "job", "${1}"),
        ("replace", "", None, "endpoint", "gpu-metrics"),
        ("hashmod", "__address__", None, "__tmp_hash", None),
        ("keep", "__tmp_hash", "$(SHARD)", None, None),
    ]


def test_a_pod_monitor():
    found = job(pods=[pod_monitor({"port": "http", "path": "/v1/metrics", "honorLabels": True})])
    assert found["job_name"] == "podMonitor/rag-sample/nim/0"
    assert found["honor_labels"] is True and found["metrics_path"] == "/v1/metrics"
    assert ("replace", "", None, "job", "rag-sample/nim") in steps(found)
    assert ("keep", "~pod_container_port_name", "http", None, None) in steps(found)
    assert found["kubernetes_sd_configs"][0]["role"] == "pod"


@pytest.mark.parametrize(
    ("selector", "places"),
    [(None, ["gpu-operator"]), ({"any": True}, None), ({"matchNames": ["a", "b"]}, ["a", "b"])],
)
def test_namespaces(selector, places):
    more = {"namespaceSelector": selector} if selector else {}
    (discovery,) = job([service_monitor({"port": "x"}, **more)])["kubernetes_sd_configs"]
    assert discovery.get("namespaces", {}).get("names") == places


def test_target_ports_by_number_and_name():
    number, name = job([service_monitor({"targetPort": 9400})]), job([service_monitor({"targetPort": "m"})])
    assert ("keep", "~pod_container_port_number", "9400", None, None) in steps(number)
    assert ("keep", "~pod_container_port_name", "m", None, None) in steps(name)
    assert ("replace", "", None, "endpoint", "9400") in steps(number)


def test_own_relabelings_come_last_and_in_prometheus_spelling():
    own = {"sourceLabels": ["__meta_x"], "targetLabel": "kubernetes_node", "action": "Replace"}
    drop = {"sourceLabels": ["__name__"], "regex": "go_.*", "action": "drop"}
    found = job([service_monitor({"port": "x", "relabelings": [own], "metricRelabelings": [drop]})])
    assert steps(found)[-3] == ("replace", "__meta_x", None, "kubernetes_node", None)
    assert found["metric_relabel_configs"] == [
        {"source_labels": ["__name__"], "regex": "go_.*", "action": "drop"}
    ]


def test_the_whole_and_additional_jobs():
    spec = {"scrapeInterval": "10s", "externalLabels": {"cluster": "lab"}}
    more = "- job_name: gpu-metrics\n  static_configs: [{targets: ['a:1']}]\n"
    made = config.render({**PROMETHEUS, "spec": spec}, [], [], more)
    assert made["global"] == {
        "evaluation_interval": "30s",
        "scrape_interval": "10s",
        "external_labels": {
            "prometheus": "prometheus/kps-prometheus",
            "prometheus_replica": "$(POD_NAME)",
            "cluster": "lab",
        },
    }
    assert made["rule_files"] == ["/etc/prometheus/rules/prometheus-kps-prometheus-rulefiles-0/*.yaml"]
    assert [entry["job_name"] for entry in made["scrape_configs"]] == ["gpu-metrics"]


def test_the_real_prometheus_accepts_it(prometheus: Path, tmp_path: Path):
    expressions = [
        {"key": "a/b", "operator": "In", "values": ["x", "y"]},
        {"key": "c", "operator": "NotIn", "values": ["z"]},
        {"key": "d", "operator": "Exists"},
        {"key": "e", "operator": "DoesNotExist"},
    ]
    endpoint = {
        "port": "https", "scheme": "https", "interval": "15s", "scrapeTimeout": "10s", "params": {"a": ["b"]},
        "tlsConfig": {"insecureSkipVerify": True}, "honorTimestamps": False, "bearerTokenFile": "/dev/null",
        "relabelings": [{"action": "LabelDrop", "regex": "x"}], "followRedirects": True, "enableHttp2": False,
    }  # fmt: skip
    services = [
        service_monitor(
            endpoint, selector={"matchExpressions": expressions}, targetLabels=["t/1"], sampleLimit=9
        )
    ]
    made = config.render(PROMETHEUS, services, [pod_monitor({"targetPort": 8000}, podTargetLabels=["p"])])
    file = tmp_path / "prometheus.yml"
    file.write_text(gzip.decompress(config.packed(made)).decode().replace("$(SHARD)", "0"))
    done = subprocess.run([prometheus / "promtool", "check", "config", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert config.packed(made) == config.packed(copy.deepcopy(made))


@pytest.mark.parametrize(
    ("endpoint", "problem"),
    [
        ({"port": "x"}, ""),
        ({"port": "x", "scrapeTimeout": "10s"}, ""),
        ({"port": "x", "scrapeTimeout": "1m"}, 'scrapeTimeout "1m" greater than scrapeInterval "30s"'),
        (
            {"port": "x", "interval": "5s", "scrapeTimeout": "10s"},
            'scrapeTimeout "10s" greater than scrapeInterval "5s"',
        ),
        ({"port": "x", "relabelings": [{"regex": "(x"}]}, "invalid regex"),
    ],
)
def test_a_monitor_with_a_mistake_is_left_out(endpoint, problem):
    found = config.objection(service_monitor(endpoint), PROMETHEUS)
    assert found.startswith(problem) and bool(found) == bool(problem)


def rule(expression: str) -> dict:
    group = {"name": "gpu.rules", "rules": [{"record": "nemollm_inference_gpu_avg", "expr": expression}]}
    return {"metadata": {"name": "gpu", "namespace": "prometheus", "uid": "u"}, "spec": {"groups": [group]}}


async def test_rules_are_judged_by_promtool(prometheus: Path, monkeypatch):
    monkeypatch.setenv("PATH", str(prometheus))
    good = rule('avg by (pod, namespace) (DCGM_FI_DEV_GPU_UTIL{pod=~"nemollm-inference-.*"})')
    assert rules.file_name(good) == "prometheus-gpu-u.yaml"
    assert await rules.check(rules.content(good)) == ""
    assert "unclosed left parenthesis" in await rules.check(rules.content(rule("avg by (pod) (x")))
