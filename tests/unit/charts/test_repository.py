"""Chart repositories made of folders, read by the real helm through its plugin: no server, no network."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from raglab.charts import repository
from raglab.charts.repository import PLUGINS, NoSuchChart, get

BIN = Path(sys.executable).parent


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """One repository, `fruit`, with two versions of a chart and an empty one, `none`."""
    (tmp_path / "charts" / "none").mkdir(parents=True)
    for version in ("56.8.2", "57.0.0"):
        chart = tmp_path / "charts" / "fruit" / f"apple-{version}"
        (chart / "templates").mkdir(parents=True)
        (chart / "Chart.yaml").write_text(
            f"apiVersion: v2\nname: apple\nversion: {version}\ndescription: Round\n"
        )
        (chart / "values.yaml").write_text("colour: red\n")
        (chart / "templates" / "map.yaml").write_text(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\n"
            "data: {colour: {{ .Values.colour }}, version: {{ .Chart.Version }}}\n"
        )
    return tmp_path / "charts"


@pytest.fixture
def helm(root: Path, tmp_path: Path):
    """Runs helm in a home of its own; returns exit code, output and what it complained of."""
    environment = {
        "PATH": f"{BIN}:/usr/bin:/bin",
        "HOME": str(tmp_path),
        "HELM_PLUGINS": str(PLUGINS),
        "RAGLAB_CHARTS": str(root),
        "https_proxy": "http://127.0.0.1:9",  # whoever asks the network gets nothing
        "http_proxy": "http://127.0.0.1:9",
    }

    def run(*arguments: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [str(BIN / "helm"), *arguments], env=environment, cwd=tmp_path, capture_output=True, text=True
        )
        return done.returncode, done.stdout, done.stderr

    return run


def test_helm_adds_updates_searches_and_pulls(helm, root, tmp_path):
    assert helm("repo", "add", "fruit", "pocket://fruit") == (
        0, '"fruit" has been added to your repositories\n', "")  # fmt: skip
    code, said, complaint = helm("repo", "update")
    assert code == 0 and complaint == "" and 'update from the "fruit" chart repository' in said
    assert "pocket://fruit" in helm("repo", "list")[1]
    assert "57.0.0" in helm("search", "repo", "apple")[1]
    code, _, complaint = helm("pull", "fruit/apple", "--version", "56.8")
    assert (code, complaint) == (0, "")
    assert (tmp_path / "apple-56.8.2.tgz").read_bytes() == get(root, "pocket://fruit/apple-56.8.2.tgz")
    assert helm("inspect", "values", "fruit/apple") == (0, "colour: red\n\n", "")


def test_helm_renders_the_wanted_version_with_values(helm):
    helm("repo", "add", "fruit", "pocket://fruit")
    code, said, complaint = helm("template", "r", "fruit/apple", "--version", "56.8", "--set", "colour=green")
    assert (code, complaint) == (0, "")
    assert yaml.safe_load(said)["data"] == {"colour": "green", "version": "56.8.2"}


def test_what_is_not_there_is_told(helm):
    code, _, complaint = helm("repo", "add", "x", "pocket://vegetables")
    assert code == 1 and "no such repository; there are fruit, none" in complaint
    helm("repo", "add", "fruit", "pocket://fruit")
    code, _, complaint = helm("pull", "fruit/apple", "--version", "12")
    assert code == 1 and 'chart "apple" matching 12 not found' in complaint


def test_the_same_files_give_the_same_bytes(root, tmp_path):
    before = {name: get(root, f"pocket://fruit/{name}") for name in ("index.yaml", "apple-57.0.0.tgz")}
    copy = tmp_path / "copy"
    shutil.copytree(root, copy, copy_function=shutil.copyfile)
    for file in copy.rglob("*"):
        os.utime(file, (1, 1))
    assert {name: get(copy, f"pocket://fruit/{name}") for name in before} == before


@pytest.mark.parametrize(
    "address",
    ["pocket://fruit/apple-1.0.0.tgz", "pocket://fruit/../none/index.yaml", "pocket://none/x", "pocket://"],
)
def test_an_address_that_names_nothing_is_refused(root, address):
    with pytest.raises(NoSuchChart):
        get(root, address)


def test_charts_of_the_pocket_cluster_are_served_by_their_folder_names():
    """Whoever adds a chart sees here that helm will find it under the name of its folder."""
    for place in (entry for entry in repository.folder().iterdir() if entry.is_dir()):
        charts = repository.repository(repository.folder(), place.name)
        assert [yaml.safe_load((c / "Chart.yaml").read_text())["name"] for c in charts.values()] == [
            chart.name for chart in charts.values()
        ]
