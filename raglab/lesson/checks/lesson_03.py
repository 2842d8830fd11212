"""Checks of lesson 03, deploy the RAG application."""

from __future__ import annotations

import json

import yaml

from raglab.gpus.inventory import RESOURCE
from raglab.lesson import cluster, preparing
from raglab.lesson.checks.registry import Verdict, register

CLAIMS = ("nemollm-embedding-pvc", "nemollm-inference-pvc", "pgvector-pvc")
CHART = str(preparing.CONFIG / "charts" / "nemollm-inference")


@register(
    "03.claims-bound",
    "The three claims are Bound",
    "A claim waits for a volume of its class, its access mode and at least its size.",
)
def claims_bound() -> Verdict:
    phases = {c["metadata"]["name"]: c["status"]["phase"] for c in cluster.items("pvc")}
    wrong = {name: phases.get(name, "missing") for name in CLAIMS if phases.get(name) != "Bound"}
    return Verdict(
        not wrong,
        str(wrong) if wrong else "3 of 3",
        "Bound",
        f"kubectl describe pvc {next(iter(wrong), '')} -n rag-sample",
    )


@register(
    "03.values",
    "The chart refuses a setting it does not know",
    "The chart's values.schema.json lists the settings; helm refuses all others.",
)
def values() -> Verdict:
    try:
        cluster.run("helm", "template", "x", CHART, "--set", "modle.name=x")
    except cluster.ClusterError as error:
        return Verdict("modle" in str(error), "modle is refused", "modle is refused", "helm show values")
    return Verdict(
        False,
        "modle was accepted",
        "modle is refused",
        "Restore values.schema.json of the chart: git checkout",
    )


def _replicas(*workloads: str) -> Verdict:
    """All of these workloads have all their replicas ready."""
    states = {}
    for name in workloads:
        kind, _, short = name.partition("/")
        found = cluster.get(kind, short)
        states[short] = (found["status"].get("readyReplicas", 0), found["spec"]["replicas"])
    wrong = [name for name, (ready, wanted) in states.items() if ready < wanted or not wanted]
    observed = ", ".join(f"{name} {ready}/{wanted}" for name, (ready, wanted) in states.items())
    return Verdict(
        not wrong, observed, "every replica ready", f"kubectl describe pods -n rag-sample   (look at {wrong})"
    )


@register(
    "03.nims-ready",
    "Both NIMs are ready",
    "Not ready is told in this order: Events of the pod, its log, its probe.",
)
def nims_ready() -> Verdict:
    return _replicas("statefulset/nemollm-inference", "statefulset/nemollm-embedding")


@register(
    "03.application-ready",
    "Every part of the application is ready",
    "The first part that is not ready may be what the others wait for: begin with pgvector and the NIMs.",
)
def application_ready() -> Verdict:
    return _replicas(*preparing.WORKLOADS)


@register(
    "03.releases",
    "Your releases are the charts of the pipeline",
    "A step of the pipeline that was not installed, or failed, is no deployed release.",
)
def releases() -> Verdict:
    pipeline = yaml.safe_load((preparing.CONFIG / "helm-pipeline.yaml").read_text())["spec"]["pipeline"]
    listed = json.loads(cluster.run("helm", "list", "-n", cluster.NAMESPACE, "-o", "json"))
    deployed = {one["chart"].rsplit("-", 1)[0] for one in listed if one["status"] == "deployed"}
    wanted = [one["chartSpec"]["chart"] for one in pipeline]
    missing = [chart for chart in wanted if chart not in deployed]
    return Verdict(
        not missing,
        f"{len(wanted) - len(missing)} of {len(wanted)} deployed",
        ", ".join(wanted),
        f"helm status {next(iter(missing), '')} -n rag-sample",
    )


@register(
    "03.own-port",
    "The query-router has a port of your own and kept its configuration",
    "An upgrade with --set alone forgets the values of before; give the values file again, or --reuse-values.",
)
def own_port() -> Verdict:
    port = cluster.get("service", "query-router")["spec"]["ports"][0]["nodePort"]
    release = cluster.run("helm", "get", "values", "rag-app", "-n", cluster.NAMESPACE, "-o", "json")
    kept = len(json.loads(release) or {}) > 1  # the values file sets more than the Service
    observed = f"NodePort {port}, {'values kept' if kept else 'values lost'}"
    return Verdict(
        port == 30181 and kept,
        observed,
        "NodePort 30181, values kept",
        "helm get values rag-app -n rag-sample",
    )


@register(
    "03.repaired",
    "The second application's pod has run",
    "Its Events name the resource that is short; free some, or ask for less.",
)
def repaired() -> Verdict:
    phase = cluster.get("pod", "greedy")["status"]["phase"]
    return Verdict(phase == "Succeeded", phase, "Succeeded", "kubectl describe pod greedy -n rag-sample")


@register(
    "03.leaves",
    "The application runs and nothing else is left",
    "Objects of the break-it carry the label lesson=break-it; the application has to stay.",
)
def leaves() -> Verdict:
    extra = [item["metadata"]["name"] for item in cluster.items("pods,pvc", "-l", "lesson=break-it")]
    ready = application_ready()
    free, total = preparing.gpus()
    observed = f"{'application ready' if ready.passed else ready.observed}, {free} of {total} {RESOURCE} free"
    expected = "application ready, one GPU free, no object of the break-it"
    return Verdict(
        ready.passed and not extra, f"{observed}{f', {extra}' if extra else ''}", expected, ready.next
    )
