"""Every command and path that the documents name exists, and what the recipes of CONTRIBUTING.md show is accepted."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from raglab.paths import CHECKOUT
from raglab.pocket.kinds import catalogue
from raglab.pocket.node.images import Images
from tests.documents.commands import exists, faults, is_path
from tests.documents.markdown import Document, documents

GENERATED = CHECKOUT / "tests/parity/COVERAGE.md"  # its commands are those of the recordings
WRITTEN = [path for path in documents() if path != GENERATED and not path.is_relative_to(CHECKOUT / "data")]
OURS = re.compile(r"(\w+=\S+ )*(raglab|make|python3?|pytest|\.venv/bin/\w+) [\w./-]")
CONTRIBUTING = Document(CHECKOUT / "CONTRIBUTING.md")

each = pytest.mark.parametrize("path", WRITTEN, ids=lambda path: str(path.relative_to(CHECKOUT)))


@each
def test_commands_in_blocks_exist(path: Path):
    lines = [line for block in Document(path).blocks("bash") for line in block.splitlines()]
    assert [fault for line in lines for fault in faults(line)] == []


@each
def test_commands_and_paths_in_the_text_exist(path: Path):
    spans = Document(path).spans
    commands = [span for span in spans if OURS.match(span) and "…" not in span]
    assert [fault for span in commands for fault in faults(span)] == []
    assert [span for span in spans if is_path(span) and not exists(span)] == []


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("raglab fly", "cli has no command fly"),
        ('eval "$(raglab envy)"', "cli has no command envy"),
        ("RAGLAB_NETWORK=7 raglab models ad x", "models has no command ad"),
        ("raglab node --nam second", "node has no option --nam"),
        ("make lab tea", "make has no target tea"),
        ("python -m tests.paritee helm", "there is no module tests.paritee"),
        ("python3 -m raglab.bootstrap fly", "cli has no command fly"),
        ("python tests/benchmarks/none.py", "there is no tests/benchmarks/none.py"),
        ("raglab test tests/nowhere -k helm", "there is no tests/nowhere"),
        ("kubectlx get pods # not there", "there is no program kubectlx"),
    ],
)
def test_faults_are_found(line: str, fault: str):
    assert faults(line) == [fault]


def test_the_recipe_s_kind_is_one_and_not_there_yet():
    [text] = [block for block in CONTRIBUTING.blocks("yaml") if "kind:" in block]
    [entry] = yaml.safe_load(text.replace("*all", "[get, list]"))
    kind, served = catalogue.Kind(**entry), catalogue.load()
    assert served.resource(kind.group, kind.version, kind.plural) is None, "choose another example"


def test_the_recipe_s_image_becomes_a_program(tmp_path: Path):
    [text] = [block for block in CONTRIBUTING.blocks("yaml") if "images:" in block]
    (tmp_path / "images.yaml").write_text(text)
    program = Images([tmp_path / "images.yaml"], {}).resolve("raglab/hello:1", pod_ip="127.0.0.9")
    assert program.command({})[1:] == ["-m", "http.server", "8000", "--bind", "127.0.0.9"]
