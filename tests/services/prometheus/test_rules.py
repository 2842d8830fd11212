"""The recording rules of the lessons, judged by promtool in every way the exporter's labels can arrive."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from raglab.paths import CHECKOUT

CONFIG = CHECKOUT / "kubernetes-config"
RULES = ("prometheus-rule-gpu.yaml", "prometheus-rule-queue.yaml", "break-it/prometheus-rule-gpu-seed.yaml")
GPU, SEED = RULES[0], RULES[2]
NODE = {"kubernetes_node": "minikube"}
EXPORTER = {"namespace": "gpu-operator", "pod": "nvidia-dcgm-exporter-x", "container": "exporter"}


@dataclass
class Gpu:
    """One series of the exporter: a device and the pod that holds it, if any."""

    gpu: str
    pod: str = ""
    value: float = 0
    namespace: str = "rag-sample"
    own: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        holder = {"namespace": self.namespace, "pod": self.pod, "container": "nim"} if self.pod else {}
        self.own = {"gpu": self.gpu, "UUID": f"GPU-{self.gpu}", "Hostname": "minikube"} | holder

    def under(self, regime: str) -> dict[str, str]:
        """All labels after a scrape; a target's own labels clash with the exporter's as Prometheus resolves it."""
        target = {"job": regime, "instance": f"127.0.0.1:9400-{regime}"}
        if regime == "scrape job":
            return target | NODE | self.own
        if regime == "monitor, honorLabels":
            return target | EXPORTER | self.own
        clashing = {f"exported_{key}": value for key, value in self.own.items() if key in EXPORTER}
        rest = {key: value for key, value in self.own.items() if key not in EXPORTER}
        return target | EXPORTER | rest | clashing


REGIMES = {
    "scrape job": ("scrape job",),
    "honorLabels": ("monitor, honorLabels",),
    "exported": ("monitor",),
    "scraped twice": ("scrape job", "monitor, honorLabels"),
    "scraped twice, exported": ("scrape job", "monitor"),
}


@pytest.fixture
def judge(prometheus: Path, tmp_path: Path):
    """``judge(rules, input, {query: samples})``: promtool's verdict; an empty string means that all is as expected."""

    def judge(name: str, series: list[tuple[str, dict[str, str], str]], expected: dict[str, Any]) -> str:
        spec = yaml.safe_load((CONFIG / name).read_text())["spec"]
        (tmp_path / "rules.yaml").write_text(yaml.safe_dump(spec))
        inputs = [{"series": _text(metric, labels), "values": values} for metric, labels, values in series]
        tests = [{"expr": expr, "eval_time": "1m", "exp_samples": want} for expr, want in expected.items()]
        test = {"interval": "5s", "input_series": inputs, "promql_expr_test": tests}
        content = {"rule_files": ["rules.yaml"], "evaluation_interval": "5s", "tests": [test]}
        (tmp_path / "test.yaml").write_text(yaml.safe_dump(content))
        done = subprocess.run(
            [prometheus / "promtool", "test", "rules", "test.yaml"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        return "" if done.returncode == 0 else done.stdout + done.stderr

    return judge


def _text(metric: str, labels: dict[str, str]) -> str:
    pairs = ",".join(f'{key}="{value}"' for key, value in sorted(labels.items()))
    return f"{metric}{{{pairs}}}"


def utilisation(gpus: list[Gpu], regimes: tuple[str, ...]) -> list[tuple[str, dict[str, str], str]]:
    return [
        ("DCGM_FI_DEV_GPU_UTIL", gpu.under(regime), f"{gpu.value}x20") for gpu in gpus for regime in regimes
    ]


def recorded(name: str, pod: str, value: float, namespace: str = "rag-sample", **more: str) -> dict[str, Any]:
    return {"labels": _text(name, {"namespace": namespace, "pod": pod} | more), "value": value}


NODE_OF_FOUR = [
    Gpu("0", "nemollm-inference-0", 80),
    Gpu("1", "nemollm-embedding-0", 10),
    Gpu("2", "query-router-5", 55),
    Gpu("3"),
]


@pytest.mark.parametrize("name", RULES)
def test_promtool_accepts_the_rules(prometheus: Path, tmp_path: Path, name: str):
    spec = yaml.safe_load((CONFIG / name).read_text())["spec"]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(spec))
    done = subprocess.run(
        [prometheus / "promtool", "check", "rules", "--lint-fatal", tmp_path / "rules.yaml"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("regime", REGIMES)
def test_each_model_server_has_one_series_however_it_is_scraped(judge, regime: str):
    expected = {
        "nemollm_inference_gpu_avg": [recorded("nemollm_inference_gpu_avg", "nemollm-inference-0", 80)],
        "nemollm_embedding_gpu_avg": [recorded("nemollm_embedding_gpu_avg", "nemollm-embedding-0", 10)],
    }
    assert judge(GPU, utilisation(NODE_OF_FOUR, REGIMES[regime]), expected) == ""


@pytest.mark.parametrize("regime", REGIMES)
def test_a_pod_with_two_gpus_is_their_mean_and_replicas_stay_apart(judge, regime: str):
    gpus = [
        Gpu("0", "nemollm-inference-0", 80),
        Gpu("1", "nemollm-inference-0", 40),
        Gpu("2", "nemollm-inference-1", 20),
        Gpu("3", "nemollm-inference-0", 70, "other"),
    ]
    name = "nemollm_inference_gpu_avg"
    expected = [
        recorded(name, "nemollm-inference-0", 60),
        recorded(name, "nemollm-inference-1", 20),
        recorded(name, "nemollm-inference-0", 70, "other"),
    ]
    assert judge(GPU, utilisation(gpus, REGIMES[regime]), {name: expected}) == ""


@pytest.mark.parametrize("regime", REGIMES)
def test_no_model_server_no_series(judge, regime: str):
    gpus = [Gpu("0", "query-router-5", 55), Gpu("1")]
    assert judge(GPU, utilisation(gpus, REGIMES[regime]), {"nemollm_inference_gpu_avg": []}) == ""


@pytest.mark.parametrize(
    ("regime", "series"),
    [
        ("scrape job", [NODE]),
        ("honorLabels", [{}]),
        ("exported", []),
        ("scraped twice", [{}, NODE]),
        ("scraped twice, exported", [NODE]),
    ],
)
def test_the_other_rule_depends_on_how_it_is_scraped(judge, regime: str, series: list[dict[str, str]]):
    """None where labels are exported_…; two, which the adapter would add up to 160, where a GPU is scraped twice."""
    name = "nemollm_inference_gpu_avg"
    expected = [recorded(name, "nemollm-inference-0", 80, gpu="0", **labels) for labels in series]
    assert judge(SEED, utilisation(NODE_OF_FOUR, REGIMES[regime]), {name: expected}) == ""


def test_the_queue_is_a_mean_and_counts_once(judge):
    """Two scrapes of one pod; 8 requests wait since 15 s. How many samples half a minute has depends on the version."""
    pod = {"namespace": "rag-sample", "pod": "nemollm-inference-0", "model_name": "m"}
    series = [
        ("num_requests_waiting", pod | {"job": "nims"}, "0x9 8x20"),
        ("num_requests_waiting", pod | {"job": "nemollm-inference-sts"}, "0x9 8x20"),
        ("num_requests_waiting", pod | {"pod": "other-0"}, "9x30"),
    ]
    name = "nemollm_inference_requests_waiting"
    true = [recorded("", "nemollm-inference-0", 1)]
    expected = {f"{name} > bool 2": true, f"{name} < bool 6": true}
    assert judge("prometheus-rule-queue.yaml", series, expected) == ""


def test_promtool_notices_a_wrong_value(judge):
    """The judge itself can say no."""
    name = "nemollm_inference_gpu_avg"
    wrong = {name: [recorded(name, "nemollm-inference-0", 81)]}
    assert "8.1E+01" in judge(GPU, utilisation(NODE_OF_FOUR, REGIMES["exported"]), wrong)
