"""The states a lesson can begin with, and how to reach each from any other. `lessons.toml` names them."""

from __future__ import annotations

from collections.abc import Callable

from raglab import paths
from raglab.gpus.inventory import RESOURCE
from raglab.lesson import cluster, upstream
from raglab.lesson.waiting import wait_quietly
from raglab.targets import Target

CONFIG = paths.CHECKOUT / "kubernetes-config"
RELEASES = ("nemollm-inference", "nemollm-embedding", "rag-app")
WORKLOADS = (
    "statefulset/nemollm-inference",
    "statefulset/nemollm-embedding",
    "statefulset/pgvector",
    "deployment/query-router",
    "deployment/frontend",
)
PLAYGROUNDS = ("hello", "topology", "basics")
"""Namespaces of lessons 00, 01 and 02, which leave nothing."""
VOLUMES = ("nemollm-inference-pv", "nemollm-embedding-pv", "pgvector-pv")
ANY = "any"
"""The state that keeps what is deployed; a snapshot would bring something else."""
START_LIMIT = 120  # seconds for all pods to become ready


def gpus() -> tuple[int, int]:
    """GPUs free and GPUs in all, from the node's allocatable and what pods hold."""
    total = sum(int(n["status"]["allocatable"].get(RESOURCE, 0)) for n in cluster.items("nodes"))
    pods = cluster.items("pods", "-A", "--field-selector=status.phase!=Succeeded,status.phase!=Failed")
    limits = [
        c.get("resources", {}).get("limits", {})
        for p in pods
        if p["spec"].get("nodeName")
        for c in p["spec"]["containers"]
    ]
    return total - sum(int(limit.get(RESOURCE, 0)) for limit in limits), total


def _without_playgrounds() -> None:
    """A lesson that was left in the middle holds GPUs, and its model is taken for the application's by name."""
    cluster.kubectl("delete", "namespace", *PLAYGROUNDS, "--ignore-not-found", limit=START_LIMIT)


def any_state(target: Target) -> None:
    """The lesson works beside whatever is deployed; only unfinished lessons are cleared away."""
    _without_playgrounds()


def empty(target: Target) -> None:
    """No RAG application and no unfinished lesson: their namespaces and volumes are gone, and all GPUs are free."""
    _without_playgrounds()
    cluster.kubectl("delete", "namespace", cluster.NAMESPACE, "--ignore-not-found", limit=START_LIMIT)
    cluster.kubectl("delete", "pv", *VOLUMES, "--ignore-not-found", limit=START_LIMIT)


def rag_application(target: Target) -> None:
    """The three charts are installed and every pod is ready."""
    _without_playgrounds()
    cluster.kubectl("apply", "-f", str(CONFIG / "namespace.yaml"))
    cluster.kubectl("apply", "-f", str(CONFIG / "storage"))
    for release in RELEASES:
        chart, values = str(CONFIG / "charts" / release), str(target.values() / f"{release}.yaml")
        cluster.run("helm", "upgrade", "--install", release, chart, "-n", cluster.NAMESPACE, "-f", values)
    wait_quietly(*WORKLOADS, seconds=START_LIMIT)


def rag_application_alone(target: Target) -> None:
    """As before, and nothing of an earlier visit to lessons 06 and 07: one GPU is free, and no autoscaler takes it."""
    cluster.kubectl("delete", "hpa", "--all", "-n", cluster.NAMESPACE)
    cluster.run("helm", "uninstall", "prometheus-adapter", "-n", "default", "--ignore-not-found", "--wait")
    cluster.kubectl("delete", "namespace", "locust", "--ignore-not-found", limit=START_LIMIT)
    present = cluster.run("helm", "list", "--all", "--short", "-n", cluster.NAMESPACE).split()
    for release in set(present) - set(RELEASES):
        cluster.run("helm", "uninstall", release, "--wait", "-n", cluster.NAMESPACE, limit=START_LIMIT)
    rag_application(target)


def gpu_metrics(target: Target) -> None:
    """The RAG application and a fresh GPU operator, and nothing that scrapes the exporter."""
    if cluster.exists("namespace", upstream.STACK.namespace):
        upstream.remove(upstream.GPU_OPERATOR)  # first, because it may have a monitor of the stack's kinds
        upstream.remove(upstream.STACK)
    rag_application_alone(target)
    upstream.install(upstream.GPU_OPERATOR, target)
    cluster.kubectl("delete", "configmap", "raglab-dashboards", "-n", "default", "--ignore-not-found")


def monitoring(target: Target) -> None:
    """The RAG application, and its GPUs and model servers watched by Prometheus, as lesson 05 has it in the end."""
    rag_application_alone(target)
    upstream.install(upstream.GPU_OPERATOR, target, upstream.EVERY_SECOND)
    upstream.install(upstream.STACK, target)
    cluster.kubectl("apply", "-f", str(CONFIG / "pod-monitor-nims.yaml"))


def autoscaling(target: Target) -> None:
    """As before, but the GPU operator's own monitor scrapes its exporter; and no rules of a visit to lesson 06."""
    own = CONFIG / "autoscaling"
    rag_application_alone(target)
    upstream.install(upstream.GPU_OPERATOR, target, upstream.EVERY_SECOND)
    upstream.install(upstream.STACK, target, own / "no-scrape-job.yaml")
    upstream.install(upstream.GPU_OPERATOR, target, upstream.EVERY_SECOND, own / "exporter-monitor.yaml")
    cluster.kubectl("apply", "-f", str(CONFIG / "pod-monitor-nims.yaml"))
    cluster.kubectl("delete", "-f", str(CONFIG / "prometheus-rule-gpu.yaml"), "--ignore-not-found")
    cluster.kubectl("delete", "-f", str(CONFIG / "prometheus-rule-queue.yaml"), "--ignore-not-found")


STATES: dict[str, Callable[[Target], None]] = {
    ANY: any_state,
    "empty": empty,
    "gpus-free": empty,
    "basics": empty,
    "rag-application": rag_application,
    "rag-application-alone": rag_application_alone,
    "gpu-metrics": gpu_metrics,
    "monitoring": monitoring,
    "autoscaling": autoscaling,
}


def reach(state: str, target: Target) -> None:
    """Bring the cluster into `state`; each step is harmless when done already."""
    STATES[state](target)
