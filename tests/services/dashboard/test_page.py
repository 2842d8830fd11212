"""The dashboard page in a real browser, on a real Prometheus."""

from __future__ import annotations

import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from tests.browser.page import Browser, Page
from tests.services.conftest import Running, free_address
from tests.services.dashboard.conftest import start
from tests.services.dashboard.history import GPUS, SAMPLES, temperature
from tests.services.dashboard.test_dashboards import DASHBOARDS

PANELS = "document.querySelectorAll('.panel').length"
UIDS = [dashboard["uid"] for dashboard in DASHBOARDS.values()]
LAST = SAMPLES - 1


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.page() as tab:
        yield tab.look()


def open_dashboard(page: Page, dashboard: Running, uid: str = "raglab-gpu", query: str = "") -> Page:
    return page.open(f"{dashboard.url}/d/{uid}?{query}").until(f"{PANELS} > 3")


def legend(page: Page, title: str) -> dict[str, str]:
    """Names and last values in the table below a chart."""
    panels = "[...document.querySelectorAll('.panel')]"
    panel = f"{panels}.find((one) => one.querySelector('.title')?.innerText === '{title}')"
    rows = page.run(
        f"[...{panel}.querySelectorAll('tbody tr')].map((row) => [...row.cells].map((c) => c.innerText))"
    )
    return {row[0].strip(): row[1] for row in rows}


@pytest.mark.parametrize("uid", UIDS)
@pytest.mark.parametrize(
    "look", [{}, {"dark": True}, {"width": 390, "height": 844}], ids=["light", "dark", "phone"]
)
def test_a_dashboard_shows_without_complaint_and_from_here_only(page, dashboard, uid, look):
    open_dashboard(page.look(**look), dashboard, uid)
    wanted = sum(panel["type"] != "row" for panel in DASHBOARDS[uid.removeprefix("raglab-")]["panels"])
    assert page.run(PANELS) == wanted
    assert page.texts(".error, .empty, #message") == [""]
    assert page.complaints == []
    assert {urlsplit(url).netloc for url in page.requests} == {dashboard.address}
    assert page.run("document.documentElement.scrollWidth") <= look.get("width", 1280)
    assert page.violations() == []


def test_it_says_what_it_is(page, dashboard):
    open_dashboard(page, dashboard)
    assert "not Grafana" in page.run("document.title")
    assert "renders Grafana dashboards; not Grafana" in page.texts("header")[0]


def test_values_are_those_of_prometheus(page, dashboard):
    open_dashboard(page, dashboard)
    assert legend(page, "GPU temperature") == {f"GPU {gpu}": f"{temperature(gpu, LAST)} °C" for gpu in GPUS}
    assert page.texts(".gauge strong")[0] == "36.5 °C"


def test_lines_are_drawn(page, dashboard):
    """Of each chart, some pixels have another colour than the ground."""
    open_dashboard(page, dashboard)
    drawn = """[...document.querySelectorAll('.chart canvas')].map((canvas) => new Set(new Uint32Array(
        canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size > 20)"""
    assert page.run(drawn) == [True] * 6


def test_a_variable_changes_panels_and_address(page, dashboard):
    open_dashboard(page, dashboard)
    page.click("details[data-name=var-gpu] summary")
    for value in ("1", "3"):
        page.click(f"input[name=var-gpu][value='{value}']")
        page.until(f"location.search.includes('var-gpu={value}') && !document.querySelector('[aria-busy]')")
    assert list(legend(page, "GPU temperature")) == ["GPU 1", "GPU 3"]
    assert page.run("location.search") == "?var-gpu=1&var-gpu=3"
    page.click("input[name=var-gpu][value='$__all']")
    page.until("document.querySelectorAll('.panel tbody')[0].rows.length === 4")


def test_the_time_range_changes_axis_and_address_and_the_back_button_returns(page, dashboard):
    open_dashboard(page, dashboard)
    page.select("select[name=range]", "now-5m")
    page.until("location.search === '?from=now-5m&to=now' && !document.querySelector('[aria-busy]')")
    assert page.run("document.querySelector('select[name=range]').value") == "now-5m"
    page.run("history.back()")
    page.until("document.querySelector('select[name=range]').value === 'now-15m'")


def test_an_address_is_a_link_to_what_it_shows(page, dashboard):
    end = int(time.time())
    query = f"from={(end - 600) * 1000}&to={end * 1000}&var-gpu=0&refresh=30s"
    open_dashboard(page, dashboard, query=query)
    assert list(legend(page, "GPU temperature")) == ["GPU 0"]
    assert page.run("document.querySelector('select[name=refresh]').value") == "30s"
    assert " to " in page.run("document.querySelector('select[name=range]').selectedOptions[0].text")


def test_it_refreshes_by_itself_and_keeps_what_was_switched_off(page, dashboard):
    open_dashboard(page, dashboard, query="refresh=1s")
    page.click(".legend button")
    page.run("window.before = document.querySelector('.panel')")
    page.until("window.before !== document.querySelector('.panel')")
    pressed = (
        "[...document.querySelectorAll('.legend button')].map((one) => one.getAttribute('aria-pressed'))"
    )
    assert page.run(pressed)[:2] == ["false", "true"]


def test_the_list_leads_to_every_dashboard(page, dashboard):
    page.open(dashboard.url).until("document.querySelectorAll('main a').length > 3")
    assert sorted(page.texts("main a")) == sorted(one["title"] for one in DASHBOARDS.values())
    assert page.violations() == []
    page.click("main a")
    page.until(f"location.pathname.startsWith('/d/raglab-') && {PANELS} > 3")


def test_without_prometheus_it_says_so_once_and_in_every_panel(page, service):
    away = start(service, PROMETHEUS_URL=f"http://{free_address()}:9090")
    open_dashboard(page, away)
    assert "cannot be reached" in page.texts("#message")[0]
    assert len(page.texts(".panel .error")) == 8
    assert page.complaints == []


def test_a_service_that_went_away_is_told(page, service, prometheus):
    mortal = start(service, PROMETHEUS_URL=prometheus.url)
    open_dashboard(page, mortal, query="refresh=1s")
    mortal.stop()
    page.until("document.querySelector('#message').innerText.includes('does not answer')")


def test_a_missing_dashboard_is_told(page, dashboard):
    page.open(f"{dashboard.url}/d/nothing").until("document.querySelector('#message').innerText")
    assert page.texts("#message") == ["Dashboard not found"]


def test_a_keyboard_reaches_everything(page, dashboard):
    open_dashboard(page, dashboard, query="refresh=")
    reached = set()
    for _ in range(60):
        page.press("Tab")
        one = page.run(
            "(document.activeElement.name || document.activeElement.className) + document.activeElement.tagName"
        )
        reached.add(one)
    assert {"skipA", "SUMMARY", "rangeSELECT", "refreshSELECT", "BUTTON"} <= reached


def test_each_chart_is_described_in_words(page, dashboard):
    open_dashboard(page, dashboard)
    labels = page.run("[...document.querySelectorAll('.chart')].map((one) => one.getAttribute('aria-label'))")
    assert len(labels) == 6
    assert labels[0].startswith("GPU temperature. GPU 0: last ")
