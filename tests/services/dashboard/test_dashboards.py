"""The dashboards of the course: in the format of Grafana, drawable here, and asking for series that exist."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry

from raglab.paths import CHECKOUT
from raglab.services.addons.dashboard.app import STATIC
from raglab.services.addons.dashboard.panels import KINDS
from raglab.services.addons.dashboard.units import UNITS
from raglab.services.addons.dashboard.view import flat
from raglab.services.nim.metrics import GENERATION, REQUESTS
from raglab.services.query_router.metrics import Metrics as RouterMetrics
from tests.services.dashboard.history import series

FILES = sorted((CHECKOUT / "kubernetes-config" / "dashboards").glob("*.json"))
DASHBOARDS = {file.stem: json.loads(file.read_text()) for file in FILES}
NAME = re.compile(r"\b([a-zA-Z_][a-zA-Z0-9_]*)\{")
CURRENT_SCHEMA = 39  # of Grafana 11.0; later ones open older files and change them as they need


def panels() -> Iterator[Any]:
    for name, dashboard in DASHBOARDS.items():
        for panel in flat(dashboard):
            yield pytest.param(panel, id=f"{name}:{panel.get('title') or panel['type']}")


def queries(name: str) -> list[str]:
    return [target["expr"] for panel in flat(DASHBOARDS[name]) for target in panel.get("targets", ())]


def asked(name: str) -> set[str]:
    """Names of the metrics that a dashboard asks for, as they stand in the exposition."""
    return {found for query in queries(name) for found in NAME.findall(query)}


def exposed_by_nims() -> set[str]:
    registry = CollectorRegistry()
    for one in (*REQUESTS, *GENERATION):
        labels = {"finished_reason": "stop"} if one.labels else {}
        one.create(registry).labels(model_name="m", **labels)
    return names(registry)


def exposed_by_router() -> set[str]:
    metrics = RouterMetrics()
    metrics.requests.labels("/generate", 200)
    metrics.duration.labels("/generate")
    metrics.stages.labels("x")
    return names(metrics.registry)


def names(registry: CollectorRegistry) -> set[str]:
    return {sample.name for family in registry.collect() for sample in family.samples}


def test_these_are_all():
    assert set(DASHBOARDS) == {"gpu", "hpa", "nim", "rag"}
    assert len({dashboard["uid"] for dashboard in DASHBOARDS.values()}) == len(FILES)


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
def test_the_frame_is_one_that_grafana_reads(dashboard):
    assert dashboard["schemaVersion"] >= CURRENT_SCHEMA
    assert re.fullmatch(r"raglab-[a-z]+", dashboard["uid"])
    assert "id" not in dashboard, "Grafana gives its own"
    assert dashboard["templating"]["list"][0]["type"] == "datasource"
    identities = [panel["id"] for panel in flat(dashboard)]
    assert len(set(identities)) == len(identities)


@pytest.mark.parametrize("dashboard", DASHBOARDS.values(), ids=DASHBOARDS)
def test_panels_lie_inside_the_grid_and_beside_each_other(dashboard):
    covered: set[tuple[int, int]] = set()
    for panel in flat(dashboard):
        grid = panel["gridPos"]
        assert grid["x"] >= 0 and grid["x"] + grid["w"] <= 24
        cells = {
            (grid["x"] + right, grid["y"] + down) for right in range(grid["w"]) for down in range(grid["h"])
        }
        assert not covered & cells, panel["title"]
        covered |= cells


@pytest.mark.parametrize("panel", [*panels()])
def test_a_panel_is_of_a_kind_and_unit_that_is_drawn_here(panel):
    assert panel["type"] in KINDS
    defaults = panel.get("fieldConfig", {}).get("defaults", {})
    assert defaults.get("unit", "none") in UNITS
    assert not panel.get("fieldConfig", {}).get("overrides")
    if panel["type"] == "table":
        assert len(panel["targets"]) == 1


@pytest.mark.parametrize("panel", [*panels()])
def test_queries_name_the_chosen_datasource_and_only_known_variables(panel):
    known = {"datasource", "__rate_interval", "__interval", "__range"}
    owner = next(one for one in DASHBOARDS.values() if panel in flat(one))
    known |= {variable["name"] for variable in owner["templating"]["list"]}
    for target in panel.get("targets", ()):
        assert target["datasource"] == panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert set(re.findall(r"\$\{?(\w+)", target["expr"])) <= known


def test_gpu_panels_ask_for_series_of_the_exporter():
    fields = yaml.safe_load((CHECKOUT / "raglab" / "gpus" / "exporter" / "fields.yaml").read_text())
    assert asked("gpu") <= {field["name"] for field in fields}


def test_nim_panels_ask_for_series_of_the_nims():
    assert asked("nim") <= exposed_by_nims()


def test_rag_panels_ask_for_series_of_the_query_router():
    assert asked("rag") <= exposed_by_router()


@pytest.mark.parametrize("name", DASHBOARDS)
def test_the_tests_history_has_every_series(name):
    assert asked(name) <= {series_name for _, series_name, _, _ in series()}


def test_foreign_code_is_what_its_package_brought():
    folder = STATIC / "vendor" / "uplot"
    sums = dict(reversed(line.split()) for line in (folder / "SHA256SUMS").read_text().splitlines())
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
    found.pop("SHA256SUMS")
    assert found == sums
