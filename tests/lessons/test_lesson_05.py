"""The checks of lesson 05: right states pass, wrong ones are told with what was seen."""

from __future__ import annotations

import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from raglab.gpus.inventory import RESOURCE
from raglab.lesson import cluster, preparing
from raglab.lesson import prometheus as prometheus_api
from raglab.lesson.checks import lesson_05

LABELS = {"pod": "nemollm-inference-0"}


class Prometheus:
    """A Prometheus that gives these answers; `own` to the expression of the check itself."""

    def __init__(self) -> None:
        self.jobs = dict.fromkeys([*lesson_05.JOBS, "prometheus/nims"], "up")
        self.values: list[tuple[dict[str, str], float]] = []
        self.own: list[tuple[dict[str, str], float]] = []

    def ask(self, path: str, **parameters: str) -> Any:
        if path == "targets":
            return {"activeTargets": [{"labels": {"job": j}, "health": h} for j, h in self.jobs.items()]}
        found = self.own if parameters["query"] == lesson_05.ENERGY else self.values
        series = [{"metric": labels, "value": [0, str(value)]} for labels, value in found]
        return {"resultType": "vector", "result": series}


@pytest.fixture
def prometheus(monkeypatch: pytest.MonkeyPatch) -> Prometheus:
    made = Prometheus()
    monkeypatch.setattr(prometheus_api, "_data", made.ask)
    monkeypatch.setattr(preparing, "gpus", lambda: (1, 4))
    return made


@pytest.mark.parametrize(
    ("holders", "right"),
    [
        ({"0": "llm", "1": "", "2": "embedding", "3": ""}, True),
        ({"0": "llm", "1": "", "2": "", "3": ""}, False),
        ({"0": "llm", "2": "embedding"}, False),
        ({}, False),
    ],
)
def test_holders_are_the_containers_with_gpus(prometheus, monkeypatch, holders, right) -> None:
    def container(name: str, gpus: int) -> dict[str, Any]:
        return {"name": name, "resources": {"limits": {RESOURCE: gpus} if gpus else {}}}

    pods = [{"spec": {"containers": [container("llm", 1), container("web", 0), container("embedding", 1)]}}]
    monkeypatch.setattr(cluster, "items", lambda *what, **more: pods)
    assert lesson_05.series(holders).passed is right


def test_every_target_must_be_up_and_three_must_exist(prometheus: Prometheus) -> None:
    assert lesson_05.targets().passed
    prometheus.jobs["prometheus/nims"] = "down"
    assert lesson_05.targets().observed == "prometheus/nims: down"
    del prometheus.jobs["gpu-metrics"]
    assert lesson_05.targets().observed == "gpu-metrics: no target; prometheus/nims: down"


@pytest.mark.parametrize(("value", "right"), [(98.0, True), (50.0, False), (0.0, False)])
def test_busy_means_more_than_half(prometheus: Prometheus, value: float, right: bool) -> None:
    prometheus.values = [(LABELS, value)]
    assert lesson_05.busy().passed is right
    prometheus.values = []
    assert lesson_05.busy().observed == "at most 0 %"


def test_each_model_server_is_scraped_once(prometheus: Prometheus, monkeypatch: pytest.MonkeyPatch) -> None:
    pods = [{"metadata": {"name": name}} for name in ("nemollm-inference-0", "nemollm-embedding-0")]
    monkeypatch.setattr(cluster, "items", lambda *what, **more: pods)
    both = [(LABELS, 1.0), ({"pod": "nemollm-embedding-0"}, 1.0)]
    for found, right in ((both, True), (both[:1], False), ([*both, both[0]], False), ([], False)):
        prometheus.values = found
        assert lesson_05.nims().passed is right


@pytest.mark.parametrize(
    ("port", "health", "right"),
    [
        ({"name": "http-web", "nodePort": 31091}, "up", True),
        ({"name": "grafana", "nodePort": 31091}, None, False),
        ({"name": "http-web", "nodePort": 31091}, "down", False),
        ({"name": "http-web"}, "up", False),
    ],
)
def test_grafana_is_open_and_a_target(prometheus, monkeypatch, port, health, right) -> None:
    monkeypatch.setattr(cluster, "get", lambda *what, **more: {"spec": {"ports": [port]}})
    del prometheus.jobs[lesson_05.GRAFANA]
    prometheus.jobs |= {lesson_05.GRAFANA: health} if health else {}
    assert lesson_05.grafana().passed is right


@pytest.mark.parametrize(
    ("told", "right"),
    [
        ([(LABELS, 2000.0), ({"pod": "other"}, 3000.0)], True),
        ([(LABELS, 2050.0), ({"pod": "other"}, 3000.0)], True),
        ([(LABELS, 2_000_000.0), ({"pod": "other"}, 3_000_000.0)], False),
        ([(LABELS, 2000.0), ({"pod": "other"}, 3000.0), ({}, 3000.0)], False),
        ([(LABELS | {"gpu": "0"}, 2000.0), (LABELS | {"gpu": "1"}, 2000.0)], False),
        ([], False),
    ],
)
def test_energy_is_in_joules_per_pod(prometheus, told, right) -> None:
    prometheus.own, prometheus.values = [(LABELS, 2000.0), ({"pod": "other"}, 3000.0)], told
    assert lesson_05.energy("an expression").passed is right


@pytest.mark.parametrize(("series", "right"), [(1, False), (4, True), (8, False)])
def test_repaired_counts_every_gpu_once(monkeypatch, prometheus, series: int, right: bool) -> None:
    def query(expression: str) -> list[tuple[dict[str, str], float]]:
        return [(LABELS, 0.0)] * (1 if lesson_05.LLM in expression else series)

    monkeypatch.setattr(prometheus_api, "query", query)
    assert lesson_05.repaired().passed is right


def test_clean_means_neither_namespaces_nor_kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    spaces, kinds = ["default"], ["certificates.cert-manager.io"]
    monkeypatch.setattr(cluster, "exists", lambda kind, name, **more: name in spaces)
    monkeypatch.setattr(cluster, "items", lambda *what, **more: [{"metadata": {"name": n}} for n in kinds])
    assert lesson_05.clean().passed
    spaces.append("prometheus")
    kinds.append("podmonitors.monitoring.coreos.com")
    assert lesson_05.clean().observed == "namespace/prometheus, crd/podmonitors.monitoring.coreos.com"


class Refusing(BaseHTTPRequestHandler):
    """A Prometheus that cannot read the expression."""

    def do_GET(self) -> None:
        body = json.dumps({"status": "error", "error": "1:5: parse error"}).encode()
        self.send_response(400)
        self.end_headers()
        self.wfile.write(body)


def test_what_prometheus_refuses_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_ADDRESS", "127.0.0.1")
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        monkeypatch.setattr(prometheus_api, "PORT", server.server_port)
        Thread(target=server.handle_request, daemon=True).start()
        with pytest.raises(cluster.ClusterError, match="400: 1:5: parse error"):
            lesson_05.energy("sum by (")


def test_a_prometheus_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NODE_ADDRESS", "127.0.0.1")
    with HTTPServer(("127.0.0.1", 0), Refusing) as server:
        monkeypatch.setattr(prometheus_api, "PORT", server.server_port)
    with pytest.raises(cluster.ClusterError, match=r"port \d+ of the node: .*Look: kubectl get pods,svc"):
        lesson_05.energy("1")
