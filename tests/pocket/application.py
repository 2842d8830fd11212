"""The RAG application on a cluster of its own, installed with the charts of the course as in lesson 03."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from raglab import paths
from raglab.gpus import inventory
from raglab.pocket.node import isolation
from raglab.services import models
from tests.pocket.conftest import Cluster, isolated

CONFIG = paths.CHECKOUT / "kubernetes-config"
VALUES = CONFIG / "values" / "pocket"
WORKLOADS = {
    "nemollm-embedding": ("statefulset/nemollm-embedding",),
    "nemollm-inference": ("statefulset/nemollm-inference",),
    "rag-app": ("statefulset/pgvector", "deployment/query-router", "deployment/frontend"),
}
"""What each chart has to make ready."""


@contextmanager
def gpu_cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster with four GPUs, volumes and the namespace of the application."""
    models.prepare(paths.models(), lambda what, share: None)
    places = {"services": paths.SERVICES, "models": paths.models(), "home": paths.home()}
    settings = {
        "devices": inventory.load().resources(),
        "image_catalogues": (paths.SERVICES / "images.yaml",),
        "variables": {name: str(place) for name, place in places.items()},
    }
    with isolated(folder, isolation.choose().name, **settings) as running:
        running.kubectl("apply", "-f", str(CONFIG / "namespace.yaml"), "-f", str(CONFIG / "storage"))
        yield running


def install(lab: Cluster, *charts: str) -> None:
    """Install these charts and wait until all that they make is ready."""
    for name in charts:
        chart, values = CONFIG / "charts" / name, VALUES / f"{name}.yaml"
        lab.helm("install", name, str(chart), "-n", "rag-sample", "-f", str(values))
    for workload in (workload for name in charts for workload in WORKLOADS[name]):
        lab.kubectl("rollout", "status", workload, "-n", "rag-sample", "--timeout=90s")
