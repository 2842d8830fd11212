"""A quarter of an hour of the series that the course's dashboards ask for, in OpenMetrics text for promtool.

All values are simple functions of the sample's number, so that tests know what a panel must show.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

INTERVAL = 15
SAMPLES = 61
GPUS = range(4)
POD = 'namespace="rag-sample",pod="nemollm-inference-0"'
Values = Callable[[int], float]

HISTOGRAMS = {
    "time_to_first_token_seconds": (0.1, 0.25, 0.5),
    "time_per_output_token_seconds": (0.01, 0.025, 0.05),
    "e2e_request_latency_seconds": (1, 2.5, 5),
    "query_router_first_piece_seconds": (0.25, 0.5, 1),
}


def temperature(gpu: int, sample: int) -> float:
    """What GPU `gpu` had at sample number `sample`; the last one is 40 to 43."""
    return 30 + gpu + sample % 11


def series() -> Iterator[tuple[str, str, str, Values]]:
    """Type, name, labels and value of each series; a counter's name ends in ``_total``."""
    yield from _gpus()
    yield from _nim()
    yield from _router()
    yield from _autoscaler()


def _gpus() -> Iterator[tuple[str, str, str, Values]]:
    for gpu in GPUS:
        labels = f'instance="exporter.one:9400",gpu="{gpu}",modelName="NVIDIA A100 80GB PCIe"'
        values: dict[str, Values] = {
            "DCGM_FI_DEV_GPU_TEMP": lambda n, gpu=gpu: temperature(gpu, n),
            "DCGM_FI_DEV_POWER_USAGE": lambda n, gpu=gpu: 50 + 10 * gpu,
            "DCGM_FI_DEV_SM_CLOCK": lambda n, gpu=gpu: 210 + 300 * gpu,
            "DCGM_FI_DEV_GPU_UTIL": lambda n, gpu=gpu: (n * (gpu + 1)) % 100,
            "DCGM_FI_DEV_FB_USED": lambda n, gpu=gpu: 4096 * gpu,
            "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE": lambda n, gpu=gpu: (n % 5) / 10,
        }
        yield from (("gauge", name, labels, value) for name, value in values.items())


def _nim() -> Iterator[tuple[str, str, str, Values]]:
    labels = f'model_name="llama-2-7b-chat",{POD}'
    gauges: dict[str, Values] = {
        "num_requests_running": lambda n: n % 4,
        "num_requests_waiting": lambda n: n % 3,
        "gpu_cache_usage_perc": lambda n: 0.25,
    }
    yield from (("gauge", name, labels, value) for name, value in gauges.items())
    counters = {"request_success": 2, "request_failure": 0, "prompt_tokens": 300, "generation_tokens": 60}
    for name, each in counters.items():
        yield "counter", f"{name}_total", labels, lambda n, each=each: each * n
    yield "counter", "request_finish_total", f'finished_reason="stop",{labels}', lambda n: 2 * n
    for name in ("request_prompt_tokens", "request_generation_tokens"):
        yield "gauge", f"{name}_sum", labels, lambda n: 150 * n
        yield "gauge", f"{name}_count", labels, lambda n: n
    for name, buckets in HISTOGRAMS.items():
        more = labels if not name.startswith("query") else POD
        for place, le in enumerate((*buckets, "+Inf")):
            yield "gauge", f"{name}_bucket", f'le="{le}",{more}', lambda n, place=place: n * (place + 1)


def _router() -> Iterator[tuple[str, str, str, Values]]:
    for method in ("/generate", "/documentSearch"):
        labels = f'method="{method}",{POD}'
        yield "counter", "query_router_requests_total", f'status="200",{labels}', lambda n: n
        for place, le in enumerate(("0.5", "1", "+Inf")):
            name = "query_router_request_duration_seconds_bucket"
            yield "gauge", name, f'le="{le}",{labels}', lambda n, place=place: n * (place + 1)
    for stage in ("NvidiaTextEmbedder", "PgvectorEmbeddingRetriever"):
        labels = f'stage="{stage}",{POD}'
        yield "gauge", "query_router_stage_duration_seconds_sum", labels, lambda n: 0.02 * n
        yield "gauge", "query_router_stage_duration_seconds_count", labels, lambda n: n
    yield "gauge", "query_router_documents", POD, lambda n: 4
    yield "gauge", "query_router_chunks", POD, lambda n: 321


def _autoscaler() -> Iterator[tuple[str, str, str, Values]]:
    labels = 'namespace="rag-sample",horizontalpodautoscaler="nemollm-inference"'
    metric = f'metric_name="nemollm_inference_gpu_avg",metric_target_type="average",{labels}'
    prefix = "kube_horizontalpodautoscaler"
    yield "gauge", f"{prefix}_status_current_replicas", labels, lambda n: 1 + n // 25
    yield "gauge", f"{prefix}_status_desired_replicas", labels, lambda n: 1 + (n + 3) // 25
    yield "gauge", f"{prefix}_spec_max_replicas", labels, lambda n: 3
    yield "gauge", f"{prefix}_spec_target_metric", metric, lambda n: 30
    yield "gauge", f"{prefix}_status_target_metric", metric, lambda n: n % 60
    yield "gauge", "nemollm_inference_gpu_avg", POD, lambda n: n % 60
    yield "gauge", "nemollm_embedding_gpu_avg", POD, lambda n: n % 20
    for phase, amount in (("Running", 3), ("Pending", 1), ("Failed", 0)):
        yield "gauge", "kube_pod_status_phase", f'phase="{phase}",{POD}', lambda n, amount=amount: amount


def openmetrics(end: int) -> str:
    """All series as text; the last sample is at `end`, in seconds since the epoch."""
    families: dict[tuple[str, str], list[str]] = {}
    for kind, name, labels, value in series():
        samples = families.setdefault((kind, name), [])
        for number in range(SAMPLES):
            moment = end - (SAMPLES - 1 - number) * INTERVAL
            samples.append(f"{name}{{{labels}}} {value(number)} {moment}")
    parts = [
        f"# TYPE {name.removesuffix('_total')} {kind}\n" + "\n".join(samples)
        for (kind, name), samples in families.items()
    ]
    return "\n".join([*parts, "# EOF\n"])
