"""Files for other people's tools: they are whole, and what they run is what the project has."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from raglab import __version__
from raglab.bootstrap import NEWEST, OLDEST
from raglab.cli.testing import STATIC
from raglab.paths import CHECKOUT
from tests.documents.commands import faults

FORMS = sorted((CHECKOUT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
POST_BUILD = CHECKOUT / "binder/postBuild"


def supported(version: str) -> bool:
    return OLDEST <= tuple(map(int, version.split("."))) <= NEWEST


def test_hooks_before_a_commit_are_the_static_checks_of_raglab_test():
    def as_typed(command: list[str]) -> str:
        program = "python" if command[0] == sys.executable else Path(command[0]).name
        return " ".join([f".venv/bin/{program}", *command[1:]])

    [repository] = yaml.safe_load((CHECKOUT / ".pre-commit-config.yaml").read_text())["repos"]
    assert repository["repo"] == "local", "nothing is fetched"
    assert {hook["id"]: hook["entry"] for hook in repository["hooks"]} == {
        name: as_typed(command) for name, command in STATIC
    }
    assert all(hook["language"] == "system" and not hook["pass_filenames"] for hook in repository["hooks"])


def test_development_container_installs_the_lab_on_a_python_that_works():
    settings = json.loads((CHECKOUT / ".devcontainer/devcontainer.json").read_text())
    assert faults(settings["postCreateCommand"]) == []
    version = re.search(r"python:([\d.]+)", settings["image"])
    assert version and supported(version[1])


def test_binder_builds_on_a_python_that_works():
    language, version = (CHECKOUT / "binder/runtime.txt").read_text().strip().split("-")
    assert language == "python" and supported(version)
    assert os.access(POST_BUILD, os.X_OK)
    subprocess.run(["bash", "-n", str(POST_BUILD)], check=True)
    assert [fault for line in POST_BUILD.read_text().splitlines() for fault in faults(line)] == []


def test_binder_needs_no_file_that_repo2docker_would_take_instead():
    """A Dockerfile or environment.yml would win over runtime.txt; requirements.txt would bring dependencies."""
    assert {path.name for path in POST_BUILD.parent.iterdir()} == {"README.md", "postBuild", "runtime.txt"}


@pytest.mark.parametrize(
    "path", [path for path in FORMS if path.stem != "config"], ids=lambda path: path.stem
)
def test_issue_forms_are_whole(path: Path):
    """docs.github.com, "Syntax for issue forms": name, description, and fields with a label and an id of their own."""
    form = yaml.safe_load(path.read_text())
    assert form["name"] and form["description"]
    assert all(field["type"] in ("textarea", "input", "dropdown") for field in form["body"])
    assert all(field["attributes"]["label"] for field in form["body"])
    identifiers = [field["id"] for field in form["body"]]
    assert len(identifiers) == len(set(identifiers))


@pytest.mark.parametrize("path", sorted((CHECKOUT / ".github").rglob("*.*")), ids=lambda path: path.stem)
def test_templates_name_commands_that_exist(path: Path):
    named = re.findall(r"`((?:\.venv/bin/)?(?:raglab|make) [^`]+)`", path.read_text())
    assert [fault for command in named for fault in faults(command)] == []


def test_changelog_begins_with_this_version():
    versions = re.findall(r"^## \[([^]]+)\]", (CHECKOUT / "CHANGELOG.md").read_text(), flags=re.MULTILINE)
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    assert next(name for name in versions if name != "Unreleased") == __version__ == project["version"]
