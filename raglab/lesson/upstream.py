"""Charts of others that lessons install, and how a lesson that needs them gets them back."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from raglab import paths
from raglab.lesson import cluster
from raglab.lesson.waiting import wait_quietly
from raglab.targets import Target

EVERY_SECOND = paths.CHECKOUT / "kubernetes-config" / "monitoring" / "exporter-interval.yaml"
"""Values with which the GPU operator's exporter measures every second."""
LIMIT = 300  # seconds until its pods are ready; on a real cluster images are fetched
PROMETHEUS = "prometheus-kube-prometheus-stack-prometheus"
"""StatefulSet that the Prometheus operator makes."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A chart as the lessons install it. `address` is the variable with its repository's address, `ready` what to wait
    for, and `kind` the end of the names of the CustomResourceDefinitions it brings, which Helm never removes."""

    release: str
    repository: str
    address: str
    version: str
    namespace: str
    ready: tuple[str, ...]
    kind: str


GPU_OPERATOR = Upstream(
    release="gpu-operator",
    repository="nvidia",
    address="CHARTS_NVIDIA",
    version="v25.3.4",
    namespace="gpu-operator",
    ready=("daemonset/nvidia-dcgm-exporter",),
    kind=".nvidia.com",
)
STACK = Upstream(
    release="kube-prometheus-stack",
    repository="prometheus-community",
    address="CHARTS_PROMETHEUS",
    version="56.8.2",
    namespace="prometheus",
    ready=(f"statefulset/{PROMETHEUS}", "deployment/kube-prometheus-stack-grafana"),
    kind=".monitoring.coreos.com",
)


def install(chart: Upstream, target: Target, *more: Path) -> None:
    """Install `chart` with the target's values and the files in `more`; wait until it is ready."""
    address = os.environ[chart.address]
    cluster.run("helm", "repo", "add", "--force-update", chart.repository, address)
    files = [
        word for file in (target.values() / f"{chart.release}.yaml", *more) for word in ("-f", str(file))
    ]
    name = f"{chart.repository}/{chart.release}"
    options = ("--version", chart.version, "-n", chart.namespace, "--create-namespace", *files)
    cluster.run("helm", "upgrade", "--install", chart.release, name, *options, limit=LIMIT)
    for made in chart.ready:  # some are made by an operator, a moment later
        cluster.kubectl(
            "wait", "--for=create", made, "-n", chart.namespace, f"--timeout={LIMIT}s", limit=LIMIT
        )
    wait_quietly(*chart.ready, namespace=chart.namespace, seconds=LIMIT)


def remove(chart: Upstream) -> None:
    """Uninstall `chart`, with its namespace and the kinds it brought."""
    if cluster.run("helm", "list", "--all", "--short", "-n", chart.namespace).split().count(chart.release):
        cluster.run("helm", "uninstall", chart.release, "--wait", "-n", chart.namespace, limit=LIMIT)
    cluster.kubectl("delete", "namespace", chart.namespace, "--ignore-not-found", limit=LIMIT)
    if found := kinds(chart):
        cluster.kubectl("delete", "crd", *found, limit=LIMIT)


def kinds(chart: Upstream) -> list[str]:
    """The CustomResourceDefinitions of `chart` that exist."""
    names = [found["metadata"]["name"] for found in cluster.items("crd")]
    return [name for name in names if name.endswith(chart.kind)]
