"""What the README promises exists."""

from __future__ import annotations

import re

from raglab.cli import readme
from raglab.cli.app import cli
from raglab.paths import CHECKOUT
from tests.newcomer.readme import commands


def test_lesson_table_is_fresh():
    text = readme.README.read_text()
    assert readme.BEGIN in text and readme.END in text
    assert readme.rendered(text) == text, "run: raglab record, or raglab.cli.readme.refresh()"


def test_every_command_exists():
    text = readme.README.read_text()
    named = set(re.findall(r"`raglab ([a-z-]+)|^raglab ([a-z-]+)", text, flags=re.MULTILINE))
    names = {name for pair in named for name in pair if name}
    assert {"up", "down", "status", "doctor"} <= names <= set(cli.commands)


def test_every_make_target_exists():
    targets = set(re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), flags=re.MULTILINE))
    named = set(re.findall(r"\bmake ([a-z]+)\b", readme.README.read_text()))
    assert {"lab", "test"} <= named <= targets


def test_code_blocks_are_found():
    assert any("make lab" in command for command in commands("Start"))
    assert "raglab up" in commands("Without notebooks")
