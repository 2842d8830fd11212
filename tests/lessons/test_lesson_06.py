"""Lesson 06: what is read from an autoscaler, what a recording adds up, and the checks: wrong states are told."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from raglab.lesson import autoscaler, cluster, load, preparing, prometheus, scaling
from raglab.lesson.autoscaler import Decision, Seen
from raglab.lesson.checks import lesson_06
from raglab.lesson.scaling import Recording
from raglab.lesson.scaling_plot import plot, png
from raglab.lesson.waiting import GaveUp

METRIC = {"name": "busy"}
OUT = Decision(1, 100, 30, 3, "SucceededRescale", "TooManyReplicas", "out")
HELD = Decision(3, 0, 30, 3, "ScaleDownStabilized", "DesiredWithinRange", "held")
IN = Decision(3, 0, 30, 1, "SucceededRescale", "TooFewReplicas", "in")


def hpa(value: str = "97500m", active: str = "True", **spec: Any) -> dict[str, Any]:
    reasons = {
        "AbleToScale": "SucceededRescale",
        "ScalingActive": "Known",
        "ScalingLimited": "TooManyReplicas",
    }
    return {
        "kind": "HorizontalPodAutoscaler",
        "spec": {"metrics": [{"pods": {"metric": METRIC, "target": {"averageValue": "30"}}}], **spec},
        "status": {
            "currentReplicas": 1,
            "desiredReplicas": 3,
            "currentMetrics": [
                {"type": "Pods", "pods": {"metric": METRIC, "current": {"averageValue": value}}}
            ],
            "conditions": [
                {"type": kind, "reason": reason, "message": kind, "status": active}
                for kind, reason in reasons.items()
            ],
        },
    }


def right(current: int, value: float, target: float) -> int:
    return min(3, max(1, math.ceil(current * value / target)))


@pytest.mark.parametrize(("text", "number"), [("30", 30), ("97500m", 97.5), ("0", 0), ("1m", 0.001)])
def test_quantities(text: str, number: float) -> None:
    assert autoscaler.quantity(text) == number


def test_a_decision_is_read_only_where_the_metric_is_known() -> None:
    read = autoscaler.decision(hpa())
    assert read is not None
    assert (read.current, read.value, read.target, read.wanted) == (1, 97.5, 30, 3)
    assert (read.able, read.limited) == ("SucceededRescale", "TooManyReplicas")
    assert autoscaler.decision(hpa(active="False")) is None
    assert autoscaler.decision({}) is None
    other = {"pods": {"metric": {"name": "waiting"}, "target": {"averageValue": "2"}}}
    assert autoscaler.decision(hpa(metrics=[other])) is None, "the status is about the metric before"
    assert autoscaler.decision({"status": {"currentMetrics": None}}) is None


def test_the_formula_must_explain_every_decision_in_both_directions() -> None:
    assert lesson_06.formula(right, [OUT, HELD, IN]).passed
    assert not lesson_06.formula(right, [OUT]).passed
    assert not lesson_06.formula(right, []).passed
    assert not lesson_06.formula(lambda current, value, target: 2, [OUT, IN]).passed
    assert not lesson_06.formula(lambda *_: 4, [OUT, HELD, IN]).passed
    assert "1 at 100: 3" in lesson_06.formula(lambda *_: 1, [OUT, IN]).observed


def test_within_the_tolerance_nothing_happens() -> None:
    near = Decision(2, 32, 30, 2, "ReadyForNewScale", "DesiredWithinRange", "")
    assert lesson_06.formula(right, [OUT, near, IN]).passed
    assert not lesson_06.formula(right, [OUT, replace(near, value=40), IN]).passed


def test_the_signals_must_differ() -> None:
    light, heavy = replace(OUT, value=0.5, wanted=1), OUT
    assert lesson_06.signal(light, 3, heavy).passed
    assert not lesson_06.signal(light, 1, heavy).passed
    assert not lesson_06.signal(OUT, 3, heavy).passed
    assert not lesson_06.signal(light, 3, light).passed


def test_the_policy_is_read_from_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    policies = [{"type": "Pods", "value": 1, "periodSeconds": 60}]
    found = hpa(behavior={"scaleUp": {"policies": policies}})
    monkeypatch.setattr(cluster, "get", lambda *what, **more: found)
    assert lesson_06.policy(2).passed
    assert not lesson_06.policy(3).passed
    policies[0]["value"] = 2
    assert not lesson_06.policy(2).passed
    assert not _with(monkeypatch, hpa()).policy(2).passed


def _with(monkeypatch: pytest.MonkeyPatch, found: dict[str, Any]) -> Any:
    monkeypatch.setattr(cluster, "get", lambda *what, **more: found)
    return lesson_06


def test_an_unknown_metric_leads_to_describe(monkeypatch: pytest.MonkeyPatch) -> None:
    assert _with(monkeypatch, hpa()).measured().passed
    verdict = _with(monkeypatch, hpa(active="False")).measured()
    assert not verdict.passed and verdict.next.startswith("kubectl describe hpa")
    assert not _with(monkeypatch, {"status": {}}).repaired().passed


def test_series_must_be_there_exactly_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "query", lambda name: [0.0])
    assert lesson_06.recorded().passed
    monkeypatch.setattr(load, "query", lambda name: [0.0, 0.0] if "inference" in name else [])
    assert lesson_06.recorded().observed == "nemollm_inference_gpu_avg 2, nemollm_embedding_gpu_avg 0"
    assert not lesson_06.recorded().passed


def test_pods_and_leftovers_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    phases = {
        "nemollm-inference-0": "Running",
        "nemollm-inference-1": "Running",
        "nemollm-inference-2": "Pending",
    }
    pods = [{"metadata": {"name": name}, "status": {"phase": phase}} for name, phase in phases.items()]
    monkeypatch.setattr(cluster, "items", lambda *what, **more: pods)
    assert lesson_06.scaled_out().passed
    pods[2]["status"]["phase"] = "Running"
    assert not lesson_06.scaled_out().passed
    monkeypatch.setattr(cluster, "get", lambda *what, **more: {"spec": {"replicas": 1}})
    monkeypatch.setattr(cluster, "exists", lambda *what, **more: what[0] == "apiservice")
    monkeypatch.setattr(preparing, "gpus", lambda: (1, 4))
    assert not lesson_06.leaves().passed and "APIService" in lesson_06.leaves().observed
    pods.clear()
    monkeypatch.setattr(cluster, "exists", lambda *what, **more: False)
    assert lesson_06.leaves().passed and lesson_06.scaled_in().passed


@pytest.fixture
def recording(monkeypatch: pytest.MonkeyPatch) -> Recording:
    """A workload whose autoscaler decides at the second look, and whose second replica is there at the third."""
    seen = iter([Seen(1, 1, None), Seen(1, 1, OUT), Seen(2, 3, OUT), Seen(2, 3, OUT)])
    answer = {"user_count": 10, "total_rps": 2.5, "stats": [{"num_failures": 0}]}
    clock = iter(range(1000))
    monkeypatch.setattr(scaling, "look", lambda *names: next(seen))
    monkeypatch.setattr(scaling, "INTERVAL", 0)
    monkeypatch.setattr(scaling.time, "monotonic", lambda: float(next(clock)))
    monkeypatch.setattr(load, "statistics", lambda: answer)
    monkeypatch.setattr(load, "busy", lambda: math.nan)
    return Recording("x-hpa", "x")


def test_a_recording_keeps_each_decision_once(
    recording: Recording, capsys: pytest.CaptureFixture[str]
) -> None:
    recording.until("a second replica", lambda run: run.last.ready == 2)
    assert capsys.readouterr().out == "✓ a second replica\n"
    assert len(recording.samples) == 3
    assert [d.at(0) for d in recording.decisions] == [OUT] == [d.at(0) for d in recording.scaled()]
    assert recording.gpu_seconds(users=10) == recording.samples[2].seconds - recording.samples[0].seconds
    assert recording.gpu_seconds(users=2) == 0
    assert png(plot(recording)).startswith(b"\x89PNG")


def test_giving_up_tells_what_the_autoscaler_said(recording: Recording) -> None:
    with pytest.raises(GaveUp, match=r"never: not seen in 4 s\. out"):
        recording.until("never", lambda run: False, seconds=4)


def test_prometheus_answers_are_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"resultType": "vector", "result": [{"metric": {}, "value": [1.0, "37.5"]}]}
    monkeypatch.setattr(prometheus, "_data", lambda *path, **query: answer)
    assert load.query("x") == [37.5] and load.busy() == 37.5
    answer["result"] = []
    assert math.isnan(load.busy())


def test_served_needs_both_metrics(monkeypatch: pytest.MonkeyPatch) -> None:
    one = {"items": [{"describedObject": {"name": "a-0"}}]}
    monkeypatch.setattr(cluster, "kubectl", lambda *arguments, **more: json.dumps(one))
    assert lesson_06.served().passed
    one["items"] = []
    assert not lesson_06.served().passed
