"""Grafana's part of the monitoring stack, with the commands of the lesson: dashboards, login, and the port's name."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from raglab import paths
from raglab.services.prometheus import install
from tests.pocket.conftest import HERE, Cluster, addresses, start, stop
from tests.pocket.test_monitoring import STACK, query, until, upgrade

pytestmark = pytest.mark.pocket
CONFIG = paths.CHECKOUT / "kubernetes-config"
GRAFANA = f"{STACK}-grafana"
PORT = 31091


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with the stack, its Grafana open at the node, and the course's dashboards."""
    folder = tmp_path_factory.mktemp("grafana")
    programs = install.prepare(install.place(paths.home()), lambda text, share: None)
    folders = {"services": paths.SERVICES, "models": folder, "home": folder, "prometheus": programs}
    settings = {
        "image_catalogues": (HERE / "images.yaml", paths.SERVICES / "images.yaml"),
        "variables": {name: str(place) for name, place in folders.items()},
    }
    with addresses() as own:
        running = start(folder / "state", folder / "home", **settings, **own)
        install_stack(running)
        yield running
        stop(running)


def install_stack(lab: Cluster) -> None:
    lab.helm("repo", "add", "prometheus-community", "pocket://prometheus-community")
    upgrade(lab, "--version", "56.8", "--create-namespace")
    lab.kubectl("create", "configmap", "raglab-dashboards", f"--from-file={CONFIG / 'dashboards'}")
    lab.kubectl("label", "configmap", "raglab-dashboards", "grafana_dashboard=1")
    patch = f"--patch-file={CONFIG / 'grafana-service-patch.yaml'}"
    lab.kubectl("patch", "service", GRAFANA, "-n", "prometheus", patch)
    for name in (GRAFANA, f"{STACK}-kube-state-metrics"):
        lab.kubectl("rollout", "status", f"deployment/{name}", "-n", "prometheus", "--timeout=60s")
    prometheus = f"statefulset/prometheus-{STACK}-prometheus"
    lab.kubectl("wait", "--for=create", prometheus, "-n", "prometheus", "--timeout=60s")
    lab.kubectl("rollout", "status", prometheus, "-n", "prometheus", "--timeout=60s")


def password(lab: Cluster) -> str:
    """As people read it: ``kubectl get secret … | base64 -d``."""
    where = "jsonpath={.data.admin-password}"
    return base64.b64decode(lab.kubectl("get", "secret", GRAFANA, "-n", "prometheus", "-o", where)).decode()


def get(lab: Cluster, path: str, **options: Any) -> httpx.Response:
    url = f"http://{lab.settings['node_ip']}:{PORT}{path}"
    return httpx.get(url, timeout=20, trust_env=False, **options)


def series(lab: Cluster, title: str) -> list[str]:
    """Names of the series in a panel of the autoscaling dashboard."""
    found = get(lab, "/api/raglab/view/raglab-hpa?from=now-1m", auth=("admin", password(lab))).json()
    panel = next(one for one in found["panels"] if one["title"] == title)
    assert not panel["error"]
    return [one["name"] for one in panel["series"]]


def test_dashboards_come_from_labelled_configmaps_behind_the_password_of_the_secret(lab: Cluster) -> None:
    assert get(lab, "/api/search").status_code == 401

    def found() -> set[str]:
        return {one["uid"] for one in get(lab, "/api/search", auth=("admin", password(lab))).json()}

    assert found() == {"raglab-gpu", "raglab-hpa", "raglab-nim", "raglab-rag"}
    lab.kubectl("label", "configmap", "raglab-dashboards", "grafana_dashboard-")
    until(lambda: not found())
    lab.kubectl("label", "configmap", "raglab-dashboards", "grafana_dashboard=1")
    until(found)


def test_an_autoscaler_shows_with_its_replicas_and_pods_by_phase(lab: Cluster) -> None:
    lab.kubectl("create", "deployment", "web", "--image=example.com/wait:1")
    lab.kubectl("autoscale", "deployment", "web", "--min=1", "--max=3", "--cpu=50%")
    until(lambda: {"web now", "web at most"} <= set(series(lab, "Replicas")))
    until(lambda: "Running" in series(lab, "Pods by phase"))


def test_an_upgrade_keeps_the_password_and_opens_the_page_if_told_to(lab: Cluster) -> None:
    before = password(lab)
    upgrade(lab, "--version", "56.8", "--set", "grafana.grafana\\.ini.auth\\.anonymous.enabled=true")
    lab.kubectl("rollout", "status", f"deployment/{GRAFANA}", "-n", "prometheus", "--timeout=60s")
    assert password(lab) == before
    lab.kubectl(
        "patch",
        "service",
        GRAFANA,
        "-n",
        "prometheus",
        f"--patch-file={CONFIG / 'grafana-service-patch.yaml'}",
    )
    until(lambda: answers(lab))


def answers(lab: Cluster) -> bool:
    try:
        return get(lab, "/api/search").status_code == 200
    except httpx.TransportError:
        return False


def test_a_renamed_port_removes_grafana_from_the_targets_of_prometheus(lab: Cluster) -> None:
    up = f'up{{job="{GRAFANA}"}} == 1'
    until(lambda: query(lab, up))
    ports = '{"spec":{"ports":[{"name":"grafana","port":80,"targetPort":"grafana","nodePort":31091}]}}'
    lab.kubectl("patch", "service", GRAFANA, "-n", "prometheus", "--patch", ports)
    until(lambda: not query(lab, up))
    patch = f"--patch-file={CONFIG / 'grafana-service-patch.yaml'}"
    lab.kubectl("patch", "service", GRAFANA, "-n", "prometheus", patch)
    until(lambda: query(lab, up))
