"""The README's generated table, and the commands that `tests/newcomer` takes from it; see `tests/documents`, too."""

from __future__ import annotations

from raglab.cli import readme
from tests.newcomer.readme import commands


def test_lesson_table_is_fresh():
    text = readme.README.read_text()
    assert readme.BEGIN in text and readme.END in text
    assert readme.rendered(text) == text, "run: raglab record, or raglab.cli.readme.refresh()"


def test_code_blocks_are_found():
    assert any("make lab" in command for command in commands("I want to start"))
    assert "raglab up" in commands("I would rather use a terminal")
