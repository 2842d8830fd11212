"""A real Prometheus with a quarter of an hour of history, and the dashboard service on it."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import httpx
import pytest

from raglab.paths import CHECKOUT, home
from raglab.services.prometheus import install
from tests.services.conftest import LIMIT, Running, Start
from tests.services.dashboard.history import INTERVAL, openmetrics

DASHBOARDS = CHECKOUT / "kubernetes-config" / "dashboards"


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder with ``prometheus`` and ``promtool``; fetched on first use."""
    return install.prepare(install.place(home()), lambda text, share: None)


@pytest.fixture(scope="module")  # the history grows old: five minutes later its last values would be gone
def prometheus(programs: Path, service: Start, tmp_path_factory: pytest.TempPathFactory) -> Running:
    """A Prometheus that scrapes nothing and holds `history`, which ended when it was started."""
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "series.txt").write_text(openmetrics(int(time.time()) // INTERVAL * INTERVAL))
    (folder / "prometheus.yml").write_text("global: {}\n")
    backfill = ["tsdb", "create-blocks-from", "openmetrics", "series.txt", "data"]
    subprocess.run([programs / "promtool", *backfill], cwd=folder, check=True, capture_output=True)
    args = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    env = {"RAGLAB_PROMETHEUS": str(programs)}
    running = service("raglab.services.prometheus", 9090, env, args=args)
    return running.wait_until(lambda: running.answers("/-/ready"))


@pytest.fixture(scope="module")
def dashboard(service: Start, prometheus: Running) -> Running:
    """The service with the course's dashboards."""
    return start(service, PROMETHEUS_URL=prometheus.url)


def start(service: Start, **env: str) -> Running:
    """A dashboard service of its own; `env` says what differs."""
    running = service("raglab.services.addons.dashboard", 3000, {"DASHBOARDS": str(DASHBOARDS)} | env)
    return running.wait_until(lambda: running.answers("/api/health"))


def get(running: Running, path: str, **options) -> httpx.Response:
    return httpx.get(running.url + path, timeout=LIMIT, trust_env=False, **options)
