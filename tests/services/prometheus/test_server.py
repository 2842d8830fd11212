"""The real Prometheus as a pod runs it: its address, its web pages, its configuration."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from raglab.services.prometheus.__main__ import command
from tests.browser.page import Page
from tests.services.conftest import Running, Start, free_address

CONFIG = """
global: {scrape_interval: 1s}
scrape_configs:
  - job_name: itself
    static_configs: [{targets: ["%s:9090"]}]
"""


@pytest.fixture(scope="module")
def server(prometheus: Path, service: Start, tmp_path_factory) -> Running:
    """A Prometheus that scrapes itself."""
    folder = tmp_path_factory.mktemp("prometheus")
    host = free_address()
    (folder / "prometheus.yml").write_text(CONFIG % host)
    args = [
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        "--web.enable-lifecycle",
    ]
    env = {"RAGLAB_PROMETHEUS": str(prometheus)}
    running = service("raglab.services.prometheus", 9090, env, host, args)
    return running.wait_until(lambda: running.answers("/-/ready"))


def get(server: Running, path: str) -> httpx.Response:
    return httpx.get(server.url + path, timeout=10, trust_env=False)


def test_it_scrapes_and_answers_queries(server):
    def value() -> list:
        return get(server, "/api/v1/query?query=up").json()["data"]["result"]

    server.wait_until(lambda: bool(value()))
    assert value()[0]["metric"] == {"__name__": "up", "instance": server.address, "job": "itself"}
    assert value()[0]["value"][1] == "1"


@pytest.mark.parametrize(
    "page", ["graph", "alerts", "targets", "rules", "config", "status", "service-discovery"]
)
def test_every_page_comes_with_all_it_needs(server, prometheus, page):
    """Scripts, style sheets and fonts are there, at the page's old address; its new one leads to it."""
    if not (prometheus / "web").is_dir():
        pytest.skip("this Prometheus has its pages inside")
    html = get(server, f"/classic/{page}").text
    wanted = re.findall(r'(?:src|href)="(/classic/static/[^"?]+)', html)
    assert wanted and all(get(server, path).status_code == 200 for path in wanted)
    for sheet in (path for path in wanted if path.endswith("glyphicons.css")):
        fonts = re.findall(r"url\(\.\./([^)]+woff2)\)", get(server, sheet).text.replace("'", ""))
        assert fonts and all(
            get(server, f"{sheet.rpartition('/css/')[0]}/{font}").status_code == 200 for font in fonts
        )
    assert 'location.replace("/classic" + location.pathname' in get(server, f"/{page}").text


def test_the_graph_page_has_its_template(server, prometheus):
    if (prometheus / "web").is_dir():
        assert "graph" in get(server, "/classic/static/js/graph/graph_template.handlebar").text


def test_an_expression_typed_on_the_page_is_answered_and_drawn(browser, server, prometheus):
    if not (prometheus / "web").is_dir():
        pytest.skip("this Prometheus has its pages inside")
    server.wait_until(lambda: bool(get(server, "/api/v1/query?query=up").json()["data"]["result"]))
    with browser.page() as page:
        page.look().open(f"{server.url}/classic/graph").until("document.querySelector('[name=expr]')")
        _ask(page, "up")
        page.until(f"document.querySelector('.console_table').innerText.includes('{server.address}')")
        page.click(".nav-tabs a")  # the first tab, Graph
        _ask(page, "vector(1)")  # has a past, other than the series of a server that is seconds old
        page.until("document.querySelector('.rickshaw_graph svg')")
        assert [asked for asked in page.requests if not asked.startswith((server.url, "data:"))] == []
        assert page.complaints == []


def _ask(page: Page, expression: str) -> None:
    page.run(f"document.querySelector('[name=expr]').value = '{expression}'")
    page.click(".execute_btn")


def test_it_listens_on_its_pod_s_address_only():
    programs = Path("/nowhere")

    def address(*arguments: str) -> list[str]:
        return command(programs, list(arguments), "127.10.0.9")[1:]

    mine = "--web.listen-address=127.10.0.9:9090"
    assert address() == [mine]
    assert address("--web.listen-address=0.0.0.0:9091", "--log.level=debug") == [
        mine.replace("9090", "9091"),
        "--log.level=debug",
    ]
    assert address("--log.level=debug", "--web.listen-address", ":9090", "--web.enable-lifecycle") == [
        mine,
        "--log.level=debug",
        "--web.enable-lifecycle",
    ]
    assert address("--web.listen-address=127.0.0.1:1") == ["--web.listen-address=127.0.0.1:1"]
