"""From a panel's JSON to what it shows, asking a program that speaks Prometheus' API."""

from __future__ import annotations

import math
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from raglab.services.addons.dashboard.panels import Context, Panel, show
from raglab.services.addons.dashboard.prometheus import Prometheus, PrometheusError
from raglab.services.addons.dashboard.templating import Scope, Variable
from raglab.services.addons.dashboard.timerange import TimeRange

NOW = 1_700_000_100.0


class Api:
    """Answers every query with `series`, a list of labels and values, and notes what was asked."""

    def __init__(self, *series: tuple[dict[str, str], list[float]]) -> None:
        self.series, self.asked = series, []
        self.app = web.Application()
        self.app.router.add_get("/api/v1/{kind}", self.answer)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.match_info["kind"], dict(request.query)))
        if request.query["query"] == "broken(":
            return web.json_response({"status": "error", "error": "parse error"}, status=400)
        result: list[dict[str, Any]] = []
        for labels, values in self.series:
            end = float(request.query.get("end") or request.query["time"])
            pairs = [[end - 15 * (len(values) - 1 - n), str(value)] for n, value in enumerate(values)]
            result.append(
                {"metric": labels} | ({"values": pairs} if "end" in request.query else {"value": pairs[-1]})
            )
        kind = "matrix" if "end" in request.query else "vector"
        return web.json_response({"status": "success", "data": {"resultType": kind, "result": result}})


@pytest.fixture
async def ask(aiohttp_server_address):
    """``await ask(api, panel)``: the panel as shown now."""

    async def run(api: Api, raw: dict[str, Any], scope: Scope | None = None) -> Panel:
        url = await aiohttp_server_address(api.app)
        async with aiohttp.ClientSession() as session:
            over = TimeRange(NOW - 60, NOW)
            context = Context(Prometheus(session, url), scope or Scope(), over, points=100, interval=15)
            return await show({"title": "T", "type": "timeseries"} | raw, context)

    return run


@pytest.fixture
async def aiohttp_server_address():
    runners = []

    async def serve(app: web.Application) -> str:
        runner = web.AppRunner(app)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield serve
    for runner in runners:
        await runner.cleanup()


def target(expr: str = "up", **more) -> dict[str, Any]:
    return {"targets": [{"expr": expr, "legendFormat": "GPU {{gpu}}"} | more]}


async def test_series_get_their_legend_and_share_one_time_axis(ask):
    api = Api(({"gpu": "1"}, [3, 4]), ({"gpu": "0"}, [1, math.nan, 2]))
    panel = await ask(api, target())
    assert [one.name for one in panel.series] == ["GPU 0", "GPU 1"]
    assert panel.times == tuple(NOW - 60 + 15 * n for n in range(5))
    assert panel.series[0].values == (None, None, 1, None, 2)
    assert panel.series[1].values == (None, None, None, 3, 4)
    assert panel.summary() == "GPU 0: last 2, lowest 1, highest 2. GPU 1: last 4, lowest 3, highest 4."


async def test_without_a_legend_all_labels_are_the_name(ask):
    panel = await ask(Api(({"__name__": "up", "job": "x"}, [1])), target(legendFormat="__auto"))
    assert panel.series[0].name == 'up{job="x"}'


async def test_variables_and_intervals_enter_the_query(ask):
    api = Api()
    scope = Scope({}, {"gpu": Variable("gpu", {"0": "0", "1": "1"}, ("0", "1"), multi=True)})
    await ask(api, target('rate(x{gpu=~"$gpu"}[$__rate_interval]) $__interval $__range_s'), scope)
    kind, asked = api.asked[0]
    assert kind == "query_range"
    assert asked["query"] == 'rate(x{gpu=~"(0|1)"}[60s]) 15s 60'
    assert (asked["start"], asked["step"]) == ("1700000040.000", "15")


@pytest.mark.parametrize(
    ("calc", "text"), [("lastNotNull", "2 W"), ("mean", "3 W"), ("max", "4 W"), ("sum", "9 W")]
)
async def test_a_number_is_the_reduction_that_the_panel_names(ask, calc, text):
    raw = {"type": "stat", "fieldConfig": {"defaults": {"unit": "watt"}}}
    raw |= {"options": {"reduceOptions": {"calcs": [calc]}}} | target(legendFormat="")
    panel = await ask(Api(({}, [3, 4, 2])), raw)
    assert panel.summary() == f"T: {text}."


async def test_a_colour_is_that_of_the_reached_threshold(ask):
    steps = [
        {"value": None, "color": "green"},
        {"value": 30, "color": "orange"},
        {"value": 80, "color": "red"},
    ]
    panel = await ask(Api(), {"fieldConfig": {"defaults": {"thresholds": {"steps": steps}}}} | target())
    assert [panel.color(value) for value in (0, 30, 79, 200, None)] == [
        "green",
        "orange",
        "orange",
        "red",
        "",
    ]


async def test_an_old_graph_panel_has_its_unit_on_the_axis(ask):
    panel = await ask(Api(({}, [40])), {"type": "graph", "yaxes": [{"format": "celsius"}, {}]} | target())
    assert "40 °C" in panel.summary()


async def test_a_table_hides_and_renames_columns(ask):
    rules = {
        "excludeByName": {"job": True},
        "renameByName": {"pod": "Pod", "Value": "Now"},
        "indexByName": {"pod": 0},
    }
    raw = {"type": "table", "transformations": [{"id": "organize", "options": rules}]} | target(instant=True)
    panel = await ask(Api(({"pod": "b", "job": "x"}, [2]), ({"pod": "a", "job": "x"}, [1])), raw)
    assert panel.table.columns == ("Pod", "Now")
    assert panel.table.rows == (("a", "1"), ("b", "2"))
    assert panel.summary() == "2 rows."


async def test_more_than_eight_series_are_counted(ask):
    panel = await ask(Api(*(({"gpu": f"{n}"}, [n]) for n in range(10))), target())
    assert panel.summary().endswith("And 2 more.")


async def test_no_series_is_said(ask):
    assert (await ask(Api(), target())).summary() == "No data in this time range."


async def test_a_line_without_any_number_is_left_out(ask):
    panel = await ask(Api(({"gpu": "0"}, [math.nan, math.nan]), ({"gpu": "1"}, [math.nan, 2])), target())
    assert [one.name for one in panel.series] == ["GPU 1"]


async def test_a_refused_query_is_told_in_the_panel(ask):
    assert "parse error" in (await ask(Api(), target("broken("))).error


async def test_an_unknown_kind_is_told_in_the_panel(ask):
    assert "heatmap" in (await ask(Api(), {"type": "heatmap"} | target())).error


async def test_an_address_without_prometheus_is_told():
    async with aiohttp.ClientSession() as session:
        for url, words in (("", "No datasource"), ("http://127.0.0.1:1", "cannot be reached")):
            with pytest.raises(PrometheusError, match=words):
                await Prometheus(session, url).instant("up", 0)
