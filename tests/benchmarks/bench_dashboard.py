"""How long a dashboard takes to load in a browser, and what it costs to keep it open.

    pytest -s tests/benchmarks/bench_dashboard.py

* from the request to the last panel, in a tab with empty caches (target: at most 1 s)
* CPU seconds of the service per refresh
"""

from __future__ import annotations

import statistics
import time

import psutil
import pytest

from tests.browser.page import Browser
from tests.services.conftest import Running, service  # noqa: F401 (fixtures)
from tests.services.dashboard.conftest import dashboard, get, programs, prometheus  # noqa: F401
from tests.services.dashboard.test_dashboards import DASHBOARDS

ROUNDS = 5
REFRESHES = 20


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", DASHBOARDS)
def test_loading(name: str, browser: Browser, dashboard: Running) -> None:  # noqa: F811
    uid, panels = DASHBOARDS[name]["uid"], len(DASHBOARDS[name]["panels"])
    times = []
    for _ in range(ROUNDS):
        with browser.page() as page:
            started = time.perf_counter()
            page.open(f"{dashboard.url}/d/{uid}").until("document.querySelectorAll('.panel').length > 3")
            times.append(time.perf_counter() - started)
    process = psutil.Process(dashboard.process.pid)
    before = sum(process.cpu_times()[:2])
    for _ in range(REFRESHES):
        get(dashboard, f"/api/raglab/view/{uid}").raise_for_status()
    cost = (sum(process.cpu_times()[:2]) - before) / REFRESHES
    print(
        f"\n{name}: {panels} panels there after {statistics.median(times):.2f} s (worst {max(times):.2f} s); "
        f"a refresh costs the service {cost * 1000:.0f} ms of CPU, {process.memory_info().rss / 1e6:.0f} MB"
    )
