"""The exposition of the LLM stand-in against the recorded contract, and its values against what was really done."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from tests.services.nim.conftest import Nim
from tests.services.nim.sse import LLM, chat

CONTRACT = json.loads((Path(__file__).parent / "data" / "nim_llm_metrics.json").read_text("utf-8"))


def families(nim: Nim, path: str = "/v1/metrics") -> dict[str, Metric]:
    with nim.client() as client:
        response = client.get(path)
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {family.name: family for family in text_string_to_metric_families(response.text)}
    return found | {f"{name}_total": family for name, family in found.items() if family.type == "counter"}


def value(nim: Nim, sample: str, **labels: str) -> float:
    with nim.client() as client:
        text = client.get("/v1/metrics").text
    return sum(
        entry.value
        for family in text_string_to_metric_families(text)
        for entry in family.samples
        if entry.name == sample and labels.items() <= entry.labels.items()
    )


@pytest.mark.parametrize("path", ["/v1/metrics", "/metrics"])
@pytest.mark.parametrize("name", CONTRACT["series"])
def test_series_has_the_type_labels_and_buckets_of_the_contract(llm: Nim, name: str, path: str):
    with llm.client() as client:
        client.post("/v1/chat/completions", json=chat(max_tokens=2)).raise_for_status()
    expected, family = CONTRACT["series"][name], families(llm, path)[name]
    assert family.type == expected["type"]
    labels = {label for sample in family.samples for label in sample.labels} - {"le"}
    assert sorted(labels) == expected["labels"]
    assert all(sample.labels["model_name"] == LLM for sample in family.samples)
    buckets = [sample.labels["le"] for sample in family.samples if sample.name.endswith("_bucket")]
    assert buckets == [*map(str, expected.get("buckets", [])), "+Inf"][: len(buckets)]
    assert bool(buckets) == ("buckets" in expected)


def test_no_series_beside_the_contract_but_the_one_that_says_so(llm: Nim):
    ours = {name for name in families(llm) if not name.startswith(("python_", "process_"))}
    names = set(CONTRACT["series"])
    assert ours - names == {name.removesuffix("_total") for name in names if name.endswith("_total")} | {
        "raglab_busy_seconds",
        "raglab_busy_seconds_total",
    }
    assert set(CONTRACT["also"]) <= set(families(llm))


def test_values_are_what_was_done(llm: Nim):
    names = {
        "prompt_tokens_total": "prompt_tokens",
        "generation_tokens_total": "completion_tokens",
        "request_prompt_tokens_sum": "prompt_tokens",
        "request_generation_tokens_sum": "completion_tokens",
    }
    counts = [
        "request_success_total",
        "e2e_request_latency_seconds_count",
        "time_to_first_token_seconds_count",
    ]
    before = {name: value(llm, name) for name in [*names, *counts, "time_per_output_token_seconds_count"]}
    busy, finished = value(llm, "raglab_busy_seconds_total"), value(llm, "request_finish_total")
    with llm.client() as client:
        response = client.post("/v1/chat/completions", json=chat(ignore_eos=True, max_tokens=10))
    usage = response.json()["usage"]
    for name, field in names.items():
        assert value(llm, name) - before[name] == usage[field], name
    for name in counts:
        assert value(llm, name) - before[name] == 1, name
    assert (
        value(llm, "time_per_output_token_seconds_count") - before["time_per_output_token_seconds_count"] == 9
    )
    assert value(llm, "request_finish_total", finished_reason="length") >= 1
    assert value(llm, "request_finish_total") - finished == 1
    assert 0 < value(llm, "raglab_busy_seconds_total") - busy <= response.elapsed.total_seconds() + 0.1


def test_failures_are_counted(llm: Nim):
    before = value(llm, "request_failure_total")
    with llm.client() as client:
        client.post("/v1/chat/completions", json=chat(n=9))
    assert value(llm, "request_failure_total") - before == 1
