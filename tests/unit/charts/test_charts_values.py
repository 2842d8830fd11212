"""Settings: every key is explained, a typo is an error, and the notes say what to do next."""

from __future__ import annotations

import re
import shutil
import textwrap
from pathlib import Path

import pytest
import yaml

from tests.unit.charts.chart_rendering import CHARTS, CONFIG, TARGETS, run_helm, values_file

# Blocks handed to Kubernetes as they are; its own schema judges what is inside.
FREE_FORM = {
    "securityContext",
    "podSecurityContext",
    "strategy",
    "rollingUpdate",
    "capabilities",
    "requests",
    "limits",
}


def leaves(values: dict, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Paths of all keys whose value is not a non-empty mapping."""
    found: list[tuple[str, ...]] = []
    for key, value in values.items():
        found += leaves(value, (*path, key)) if isinstance(value, dict) and value else [(*path, key)]
    return found


def template(chart: str, *arguments: str):
    return run_helm("template", chart, str(CONFIG / "charts" / chart), *arguments)


@pytest.mark.parametrize("chart", CHARTS)
def test_every_key_or_its_block_has_a_comment(chart):
    """A comment stands above a key, or above the first key of its block (requests: cpu, memory)."""
    lines = (CONFIG / "charts" / chart / "values.yaml").read_text().splitlines()
    silent = []
    for number, line in enumerate(lines):
        if not re.match(r"\s*[A-Za-z]\w*:", line):
            continue
        above = next((text for text in reversed(lines[:number]) if text.strip()), "")
        is_block = line.rstrip().endswith(":")
        in_documented_block = re.match(r"\s*(cpu|memory|type|drop):", line) is not None
        if not (above.lstrip().startswith("#") or is_block or in_documented_block):
            silent.append(f"{number + 1}: {line}")
    assert not silent


@pytest.mark.parametrize("chart", CHARTS)
def test_a_typo_in_any_key_is_rejected(chart):
    """Append an x to every documented key, all in one call: helm must complain about each of them."""
    values = yaml.safe_load((CONFIG / "charts" / chart / "values.yaml").read_text())
    paths = [path for path in leaves(values) if not FREE_FORM & set(path[:-1])]
    result = template(chart, *[f"--set={'.'.join(path)}x=1" for path in paths])
    assert result.returncode != 0
    assert [path for path in paths if f"{path[-1]}x" not in result.stderr] == []


@pytest.mark.parametrize(
    ("chart", "flag", "complaint"),
    [
        ("nemollm-inference", "--set=model.nmae=mistral-7b-instruct", "nmae"),
        ("nemollm-inference", "--set=image.tag=latest", "tag"),
        ("nemollm-inference", "--set=model.numGpus=half", "numGpus"),
        ("nemollm-inference", "--set=service.nodePorts.openai=8005", "openai"),
        ("nemollm-embedding", "--set=service.type=Nodeport", "type"),
        ("nemollm-embedding", "--set-string=model.port=9080", "port"),
        ("rag-app", "--set=frontend.service.nodePort=8090", "nodePort"),
        ("rag-app", "--set=frontend.answerTokens=5000", "answerTokens"),
        ("rag-app", "--set=queryRouter.embeddings.dimensions=0", "dimensions"),
        ("rag-app", "--set=queryRouter.resources.requests.memory=lots", "memory"),
    ],
)
def test_wrong_values_are_named(chart, flag, complaint):
    result = template(chart, flag)
    assert result.returncode != 0
    assert complaint in result.stderr


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("chart", CHARTS)
def test_target_files_change_something_that_exists(chart, target):
    """Each key of a target's file is a key of the chart: nothing is set for nobody."""
    known = yaml.safe_load((CONFIG / "charts" / chart / "values.yaml").read_text())
    wanted = yaml.safe_load(Path(values_file(target, chart)).read_text())
    for path in leaves(wanted):
        block = known
        for key in path[:-1]:
            block = block[key]
        assert path[-1] in block or not block, ".".join(path)


@pytest.mark.parametrize("chart", CHARTS)
def test_notes_say_what_to_type_next(chart, tmp_path):
    """Helm shows notes only when it talks to a cluster, so render them as part of an object instead."""
    copy = tmp_path / chart
    shutil.copytree(CONFIG / "charts" / chart, copy)
    notes = (copy / "templates" / "NOTES.txt").read_text()
    (copy / "templates" / "notes.yaml").write_text("notes: |\n" + textwrap.indent(notes, "  "))
    result = run_helm("template", chart, str(copy), "-n", "rag-sample", "--show-only", "templates/notes.yaml")
    assert result.returncode == 0, result.stderr
    text = yaml.safe_load(result.stdout)["notes"]
    assert "kubectl rollout status" in text
    assert "curl http" in text or "curl -F" in text
    assert "-n rag-sample" in text
    assert "<nil>" not in text and "<no value>" not in text
