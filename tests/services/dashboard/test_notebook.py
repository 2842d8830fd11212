"""`panels`: the same dashboards as a figure in a notebook."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from raglab.lesson import drawing, panels
from raglab.lesson.cluster import ClusterError
from tests.services.conftest import free_address
from tests.services.dashboard.history import GPUS, SAMPLES, temperature
from tests.services.dashboard.test_dashboards import DASHBOARDS


@pytest.fixture
def shown(monkeypatch) -> list[tuple[Any, dict]]:
    """Figures that were displayed, with their metadata."""
    found: list[tuple[Any, dict]] = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw, metadata: found.append((data, metadata)))
    return found


@pytest.fixture
def drawn(monkeypatch) -> list[Any]:
    """The matplotlib figures behind them."""
    found: list[Any] = []

    def draw(some: Any) -> Any:
        found.append(drawing.draw(some))
        return found[-1]

    monkeypatch.setattr("raglab.lesson.dashboards.draw", draw)
    return found


@pytest.fixture(autouse=True)
def node(monkeypatch, prometheus) -> None:
    monkeypatch.setenv("NODE_ADDRESS", prometheus.host)
    monkeypatch.setattr("raglab.lesson.prometheus.PORT", prometheus.port)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_every_panel_is_drawn(name, shown, drawn):
    panels(name)
    titles = [panel["title"] for panel in DASHBOARDS[name]["panels"] if panel["type"] not in ("row", "text")]
    places = drawn[0].axes
    assert [place.get_title(loc="left") for place in places][: len(titles)] == titles
    assert not [text.get_text() for place in places for text in place.texts if "No data" in text.get_text()]


def test_lines_have_the_values_of_the_series(shown, drawn):
    panels("gpu", only=["GPU temperature"])
    lines = drawn[0].axes[0].get_lines()
    assert [line.get_label() for line in lines] == [f"GPU {gpu}" for gpu in GPUS]
    assert [line.get_ydata()[-1] for line in lines] == [temperature(gpu, SAMPLES - 1) for gpu in GPUS]
    assert drawn[0].axes[0].yaxis.get_major_formatter()(40, 0) == "40 °C"


def test_the_printed_description_stays_the_same_and_the_alternative_text_has_the_values(shown, drawn, capsys):
    panels("gpu", minutes=10, only=["GPU average temperature"])
    said = "Dashboard GPUs (DCGM exporter), last 10 minutes: GPU average temperature"
    assert capsys.readouterr().out == f"Figure: {said}\n"
    (_, metadata) = shown[0]
    assert metadata["image/png"]["alt"].startswith(f"{said}. GPU average temperature: ")
    assert "36.5 °C" in metadata["image/png"]["alt"]


def test_variables_choose_series(shown, drawn):
    panels("gpu", only=["GPU temperature"], gpu=["1", "3"])
    assert [line.get_label() for line in drawn[0].axes[0].get_lines()] == ["GPU 1", "GPU 3"]


async def test_it_works_where_an_event_loop_runs_as_in_a_notebook(shown):
    assert asyncio.get_running_loop()
    panels("gpu", only=["GPU temperature"])
    assert len(shown) == 1


def test_without_prometheus_the_next_step_is_named(monkeypatch):
    monkeypatch.setenv("NODE_ADDRESS", free_address())
    with pytest.raises(ClusterError, match=r"cannot be reached(.|\n)*Next: kubectl get"):
        panels("gpu")


@pytest.mark.parametrize(("name", "only"), [("gpus", []), ("gpu", ["Temperature"])])
def test_a_mistyped_name_is_told(name, only):
    with pytest.raises(KeyError, match=r"no (dashboard|panel)"):
        panels(name, only=only)
