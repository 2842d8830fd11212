"""Dashboards and datasources from folders and ConfigMaps."""

from __future__ import annotations

import json

import pytest

from raglab.incluster import ApiError
from raglab.services.addons.dashboard.library import Contents, Library

SOURCE = """
apiVersion: 1
datasources:
- {name: Alertmanager, type: alertmanager, url: "http://alerts"}
- {name: Prometheus, type: prometheus, url: "http://prometheus:9090/", isDefault: true, jsonData: {timeInterval: 30s}}
"""


class Api:
    """Answers as the Kubernetes API does, from a dict of label to ConfigMap data."""

    def __init__(self, maps: dict[str, dict[str, str]], error: ApiError | None = None) -> None:
        self.maps, self.error = maps, error

    def get(self, path: str, **query: str) -> dict:
        if self.error:
            raise self.error
        assert path == "/api/v1/configmaps"
        data = self.maps.get(query["labelSelector"].removesuffix("=1"), {})
        return {"items": [{"metadata": {"namespace": "lab", "name": "one"}, "data": data}]}


def dashboard(title: str = "GPUs", **more) -> str:
    return json.dumps({"title": title, "panels": []} | more)


@pytest.fixture
def library(tmp_path):
    def make(api: Api | None = None) -> Library:
        return Library(tmp_path / "dashboards", tmp_path / "datasources", api, Contents)

    return make


def write(path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


async def test_finds_files_below_a_folder(library, tmp_path):
    write(tmp_path / "dashboards" / "deep" / "gpu.json", dashboard(uid="raglab-gpu"))
    found = (await library().contents()).dashboards["raglab-gpu"]
    assert (found.title, found.url) == ("GPUs", "/d/raglab-gpu/gpus")


async def test_a_mounted_configmap_is_read_once(library, tmp_path):
    folder = tmp_path / "dashboards"
    write(folder / "..2026_11_24" / "gpu.json", dashboard())
    (folder / "..data").symlink_to("..2026_11_24")
    (folder / "gpu.json").symlink_to("..data/gpu.json")
    contents = await library().contents()
    assert (list(contents.dashboards), contents.problems) == (["gpu"], [])


async def test_finds_configmaps_by_label(library):
    api = Api({"grafana_dashboard": {"gpu.json": dashboard()}, "grafana_datasource": {"a.yaml": SOURCE}})
    contents = await library(api).contents()
    assert contents.dashboards["gpu"].source == "ConfigMap lab/one"
    assert (contents.prometheus_url, contents.interval) == ("http://prometheus:9090/", 30)
    assert contents.problems == []


async def test_a_broken_file_is_named_and_the_others_are_shown(library, tmp_path):
    write(tmp_path / "dashboards" / "a.json", "{")
    write(tmp_path / "dashboards" / "b.json", "[]")
    write(tmp_path / "dashboards" / "c.json", dashboard())
    write(tmp_path / "datasources" / "d.yaml", "datasources: [1]")
    contents = await library().contents()
    assert list(contents.dashboards) == ["c"]
    assert [problem.split(": ")[1].split(" ")[0] for problem in contents.problems] == [
        "d.yaml",
        "a.json",
        "b.json",
    ]


async def test_two_dashboards_with_one_uid_are_told(library, tmp_path):
    write(tmp_path / "dashboards" / "a.json", dashboard(uid="x"))
    api = Api({"grafana_dashboard": {"b.json": dashboard(uid="x")}})
    (problem,) = (await library(api).contents()).problems
    assert "ConfigMap lab/one: b.json has the uid 'x'" in problem


async def test_an_api_that_refuses_is_told(library):
    refused = Api({}, ApiError(403, 'configmaps is forbidden: User "x" cannot list'))
    assert "configmaps is forbidden" in (await library(refused).contents()).problems[0]
