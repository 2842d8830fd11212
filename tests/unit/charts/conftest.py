"""Fixture shared by the chart tests."""

from __future__ import annotations

import pytest

from tests.unit.charts.chart_rendering import CHARTS, TARGETS, Object, render, values_file


@pytest.fixture(params=[f"{chart}:{target}" for chart in CHARTS for target in ("defaults", *TARGETS)])
def rendered(request: pytest.FixtureRequest) -> list[Object]:
    """Every chart with its defaults and with each target's values."""
    chart, target = request.param.split(":")
    return render(chart) if target == "defaults" else render(chart, "-f", values_file(target, chart))
