"""Pictures and their sources agree, every picture describes itself, and each is shown somewhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest
import yaml

from raglab import paths
from tests.lessons.figures.drawn import FIGURES, SVG, read
from tests.lessons.notebook import NOTEBOOKS

IMAGES = yaml.safe_load((paths.CHECKOUT / "raglab" / "services" / "images.yaml").read_text())
PROGRAMS = {
    "LLM NIM": "*/nemollm-inference-ms:*",
    "Embedding NIM": "*/nemollm-embedding-ms:*",
    "frontend": "raglab/frontend:*",
    "query-router": "raglab/query-router:*",
    "pgvector": "pgvector/pgvector:*",
    "DCGM exporter": "nvcr.io/nvidia/k8s/dcgm-exporter:*",
    "gpu-operator": "nvcr.io/nvidia/gpu-operator:*",
    "Prometheus": "prom/prometheus:*",
    "Prometheus operator": "quay.io/prometheus-operator/prometheus-operator:*",
    "Metrics adapter": "registry.k8s.io/prometheus-adapter/prometheus-adapter:*",
    "Grafana": "grafana/grafana:*",
    "Locust": "locustio/locust:*",
}
"""What the drawings call a program, and its image on the pocket cluster."""


def test_pictures_equal_their_sources() -> None:
    code = "import build, json; print(json.dumps(build.drawings()))"
    made = subprocess.run(
        [sys.executable, "-c", code],
        cwd=paths.CHECKOUT / "figures" / "src",
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(made.stdout) == {path.name: path.read_text() for path in FIGURES}, (
        "run python figures/src/build.py"
    )


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: path.stem)
def test_picture_describes_itself_and_has_a_dark_look(path) -> None:
    root = read(path).root
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"].split() == [
        root.find(f"{SVG}{x}").get("id") for x in ("title", "desc")
    ]
    assert len(root.find(f"{SVG}title").text.split()) >= 3
    assert len(root.find(f"{SVG}desc").text.split()) >= 20
    assert "prefers-color-scheme: dark" in path.read_text()


def test_every_picture_is_shown() -> None:
    pages = [paths.CHECKOUT / "README.md", *NOTEBOOKS]
    shown = {name for page in pages for name in re.findall(r"figures/([\w-]+\.svg)", page.read_text())}
    assert shown == {path.name for path in FIGURES}


def stand_ins() -> dict[str, set[bool]]:
    """First line of a box → whether it is dashed, in all drawings."""
    found: dict[str, set[bool]] = {}
    for path in FIGURES:
        for box in read(path).boxes:
            found.setdefault(box.texts[0].words, set()).add("stand-in" in box.classes)
    return found


def test_a_part_is_dashed_everywhere_or_nowhere() -> None:
    assert {name: seen for name, seen in stand_ins().items() if len(seen) > 1} == {}


@pytest.mark.parametrize("name", PROGRAMS)
def test_dashed_is_what_the_pocket_cluster_stands_in_for(name) -> None:
    entry = next(entry for entry in IMAGES if PROGRAMS[name] in entry["images"])
    assert stand_ins()[name] == {"simulates" in entry}


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: path.stem)
def test_a_legend_explains_dashes(path) -> None:
    figure = read(path)
    dashed = any("stand-in" in part.classes for part in (*figure.boxes, *figure.lines))
    assert any(label.words.startswith("dashed:") for label in figure.labels) == dashed
