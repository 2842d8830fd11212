"""Checks of lesson 06: rules, adapter, autoscalers, their decisions, and what is left."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from raglab.gpus.inventory import RESOURCE
from raglab.lesson import cluster, load, preparing
from raglab.lesson.autoscaler import Decision, decision
from raglab.lesson.checks.registry import Verdict, register

GPU_SERIES = ("nemollm_inference_gpu_avg", "nemollm_embedding_gpu_avg")
AUTOSCALER, WORKLOAD = "nemollm-inference-hpa", "nemollm-inference"
APISERVICE = "v1beta1.custom.metrics.k8s.io"
METRICS = f"/apis/custom.metrics.k8s.io/v1beta1/namespaces/{cluster.NAMESPACE}/pods/*"
NAMESPACES = ("locust", "prometheus", "gpu-operator")
HELD_BACK = "ScaleDownStabilized"
TOLERANCE = 0.1  # share of the target; the controller's default


@register(
    "06.recorded",
    "Each model server has one value per pod",
    "A rule is taken only with the label release, and gives nothing where its expression finds nothing.",
)
def recorded() -> Verdict:
    values = {name: len(load.query(name)) for name in GPU_SERIES}
    return Verdict(
        all(count == 1 for count in values.values()),
        ", ".join(f"{name} {count}" for name, count in values.items()),
        "one series each",
        "kubectl get prometheusrule gpu.rules -n prometheus -o yaml   (label release, expr)",
    )


@register(
    "06.served",
    "The metrics API serves the series",
    "The adapter learns new series every metricsRelistInterval, and needs the labels namespace and pod.",
)
def served() -> Verdict:
    answers = [json.loads(cluster.kubectl("get", "--raw", f"{METRICS}/{name}")) for name in GPU_SERIES]
    pods = sorted(item["describedObject"]["name"] for answer in answers for item in answer["items"])
    return Verdict(
        len(pods) >= len(GPU_SERIES),
        f"for {', '.join(pods) or 'no pod'}",
        "a value for each model server",
        "kubectl logs deployment/prometheus-adapter",
    )


@register(
    "06.measured",
    "The autoscaler knows its metric",
    "Follow the loop backwards: autoscaler, adapter, rule, exporter. The first without a value is to blame.",
)
def measured() -> Verdict:
    hpa = cluster.get("hpa", AUTOSCALER)
    active = [c for c in hpa["status"].get("conditions", []) if c["type"] == "ScalingActive"]
    reason = active[0]["reason"] if active else "no condition yet"
    return Verdict(
        decision(hpa) is not None,
        reason,
        "ValidMetricFound",
        f"kubectl describe hpa {AUTOSCALER} -n {cluster.NAMESPACE}",
    )


@register(
    "06.scaled-out",
    "A second replica serves, a third has no GPU",
    "The load has to last. One GPU was free: the second replica has it, and the third waits.",
)
def scaled_out() -> Verdict:
    pods = cluster.items("pods", "-l", f"app.kubernetes.io/instance={WORKLOAD}")
    phases = {pod["metadata"]["name"]: pod["status"]["phase"] for pod in pods}
    wanted = {f"{WORKLOAD}-0": "Running", f"{WORKLOAD}-1": "Running", f"{WORKLOAD}-2": "Pending"}
    return Verdict(
        phases == wanted,
        ", ".join(f"{name} {phase}" for name, phase in sorted(phases.items())),
        "two Running, one Pending",
        f"kubectl describe hpa {AUTOSCALER} -n {cluster.NAMESPACE}",
    )


@register(
    "06.scaled-in",
    "Without load one replica is left",
    "Replicas go when the load is off and the stabilisation window is over.",
)
def scaled_in() -> Verdict:
    replicas = cluster.get("statefulset", WORKLOAD)["spec"]["replicas"]
    return Verdict(
        replicas == 1,
        f"{replicas} asked for",
        "1",
        f"kubectl describe hpa {AUTOSCALER} -n {cluster.NAMESPACE}",
    )


@register(
    "06.formula",
    "Your formula gives what the controller decided",
    "Round current × value / target up, then keep the result between minReplicas and maxReplicas.",
)
def formula(desired: Callable[[int, float, float], int], decisions: Sequence[Decision]) -> Verdict:
    wrong = [d for d in decisions if not _explained(desired(d.current, d.value, d.target), d)]
    steps = any(d.wanted > d.current for d in decisions) and any(d.wanted < d.current for d in decisions)
    told = "; ".join(f"{d.current} at {d.value:.0f}: {d.wanted}, not yours" for d in wrong)
    return Verdict(
        steps and not wrong,
        told or ("every decision out and in" if steps else "decisions in one direction only"),
        "the same number, or more while the stabilisation window holds",
        f"kubectl get hpa {AUTOSCALER} -n {cluster.NAMESPACE} -o yaml",
    )


def _explained(computed: int, seen: Decision) -> bool:
    """Whether the controller did that, or held it back: within the tolerance, or for a while before scaling in."""
    near = abs(seen.value / seen.target - 1) <= TOLERANCE and seen.wanted == seen.current
    return computed == seen.wanted or near or (seen.able == HELD_BACK and computed < seen.wanted)


@register(
    "06.signal",
    "Waiting requests, not a busy GPU, ask for a replica",
    "Compare at the same light load: a GPU can be busy while nobody waits.",
)
def signal(light: Decision, by_utilisation: int, heavy: Decision) -> Verdict:
    by_queue, by_gpu, loaded = map(_one_or_more, (light.wanted, by_utilisation, heavy.wanted))
    return Verdict(
        light.wanted == 1 and by_utilisation > 1 and heavy.wanted > 1,
        f"light load: {by_queue} (utilisation: {by_gpu}), heavy load: {loaded}",
        "light load: one (utilisation: more than one), heavy load: more than one",
        "kubectl get hpa -n rag-sample, and the users on the Locust page",
    )


def _one_or_more(replicas: int) -> str:
    return "more than one" if replicas > 1 else "one"


@register(
    "06.policy",
    "At most one pod a minute is added",
    "A policy limits what is added in periodSeconds; the wish remains, and is met a step at a time.",
)
def policy(predicted: int) -> Verdict:
    behavior = cluster.get("hpa", AUTOSCALER)["spec"].get("behavior", {}).get("scaleUp", {})
    policies = behavior.get("policies", [])
    right = policies == [{"type": "Pods", "value": 1, "periodSeconds": 60}]
    return Verdict(
        right and predicted == 2,
        f"policies {json.dumps(policies)}, predicted {predicted}",
        "one policy: Pods, 1, 60 s; and what one replica becomes with it",
        "kubectl explain hpa.spec.behavior.scaleUp.policies",
    )


@register(
    "06.repaired",
    "The autoscaler has a value again",
    "The rule asks for a label that this cluster's series do not have: pod or exported_pod.",
)
def repaired() -> Verdict:
    return measured()


@register(
    "06.leaves",
    "One replica, and nothing of the lesson is left",
    "An autoscaler that is left scales again; the APIService goes with the adapter.",
)
def leaves() -> Verdict:
    left = [item["metadata"]["name"] for item in cluster.items("hpa")]
    left += ["APIService"] if cluster.exists("apiservice", APISERVICE) else []
    left += [f"namespace {name}" for name in NAMESPACES if cluster.exists("namespace", name)]
    replicas, (free, total) = cluster.get("statefulset", WORKLOAD)["spec"]["replicas"], preparing.gpus()
    observed = f"{replicas} replica, {free} of {total} {RESOURCE} free{f', {left}' if left else ''}"
    right = replicas == 1 and free == 1 and not left
    return Verdict(
        right, observed, f"1 replica, 1 of {total} free, nothing else", "Run the clean-up cells again"
    )
