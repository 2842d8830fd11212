"""Lessons use only forms of commands that are shown to answer like Kubernetes, or say why it does not matter."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.lessons.notebook import NOTEBOOKS, Notebook, read
from tests.parity.forms import commands, forms
from tests.parity.recordings import steps, transcripts
from tests.parity.states import differing

EXCUSED = Path(__file__).parent / "lessons.yaml"
SHELL = re.compile(r"^\s*(?:\w+ = )?!(.*)$|^\s*(?:kubectl|helm) .*$")


def excused() -> set[str]:
    return {form for entry in yaml.safe_load(EXCUSED.read_text()) for form in entry["forms"]}


def shown() -> set[str]:
    """Forms of all steps that come equal."""
    equal = (
        step
        for transcript in transcripts()
        for number, step in enumerate(steps(transcript))
        if number not in differing(transcript)
    )
    return {form for step in equal for words in commands(step.command) for form in forms(words)}


def used(notebook: Notebook) -> Iterator[tuple[int, str]]:
    """(cell, form) of every shell command of a lesson."""
    for cell in notebook.code:
        for line in re.sub(r"\\\n\s*", " ", cell.source).splitlines():
            if SHELL.match(line):
                text = re.sub(r"^\s*(?:\w+ = )?!", "", line)
                yield from ((cell.index, form) for words in commands(text) for form in forms(words))


def test_lessons_use_only_what_is_shown_equal(notebook: Notebook):
    known = shown() | excused()
    unknown = [f"cell {cell}: {form}" for cell, form in used(notebook) if form not in known]
    assert not unknown, f"record such a step, or say in {EXCUSED.name} why none is needed: {unknown}"


def test_nothing_is_excused_that_is_shown_or_not_used():
    in_lessons = {form for path in NOTEBOOKS for _, form in used(read(path))}
    assert excused() <= in_lessons - shown()


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request: pytest.FixtureRequest) -> Notebook:
    return read(request.param)


def test_forms_of_a_command():
    line = "kubectl get pods,pv/x -n a -o wide --selector=app=b | grep c && helm repo add d e --force-update"
    found = [list(forms(words)) for words in commands(line)]
    assert found == [
        ["kubectl get", "kubectl get --selector", "kubectl get -o wide", "table of pods", "table of pv"],
        ["helm repo add", "helm repo add --force-update"],
    ]
