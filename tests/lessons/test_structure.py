"""Every lesson has the parts the template asks for, and the manifest, the checks and the pictures agree with it."""

from __future__ import annotations

import re

from raglab import paths
from raglab.lesson import manifest
from raglab.lesson.checks.registry import registered
from raglab.lesson.strips import strip
from tests.lessons.notebook import NOTEBOOKS, Notebook

SECTIONS = ("## Where this fits", "## Start", "## Exercise", "## Break it", "## Recap")
IMAGE = re.compile(r"!\[(.*?)\]\((.*?)\)", re.S)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)#]+)")


def lesson_of(notebook: Notebook) -> manifest.Lesson:
    return manifest.load()[notebook.path.name[:2]]


def test_manifest_lists_every_notebook() -> None:
    assert [lesson.file for lesson in manifest.load().values()] == [path.name for path in NOTEBOOKS]


def test_has_every_section(notebook: Notebook) -> None:
    text = "\n".join(cell.source for cell in notebook.prose)
    missing = [section for section in SECTIONS if section not in text]
    assert not missing, f"the template's sections {missing} are missing"
    assert "On a real cluster" in text, "say what differs on a real cluster"


def test_title_strip_is_fresh(notebook: Notebook) -> None:
    expected = strip(lesson_of(notebook))
    assert notebook.cells[0].source == expected, (
        "title strip is out of date; CONTRIBUTING.md says how to print it"
    )


def test_objectives_name_the_checks(notebook: Notebook) -> None:
    lesson = lesson_of(notebook)
    used = set(re.findall(r'check\("([^"]+)"', "\n".join(cell.source for cell in notebook.code)))
    assert used == set(lesson.checks), "lessons.toml and the notebook name the same checks"
    assert used <= set(registered()), "every check exists in raglab/lesson/checks"
    objectives = notebook.cells[1].source
    named = set(re.findall(r"`(\d\d\.[a-z-]+)`", objectives))
    assert "You will be able to" in objectives
    assert named and named <= used, "each objective is tied to a check of this lesson"
    assert 3 <= len(re.findall(r"^- ", objectives, re.M)) <= 6


def test_exercise_has_hints_and_a_solution(notebook: Notebook) -> None:
    tags = [cell.tags for cell in notebook.code]
    assert any("exercise" in t for t in tags), "an exercise starts with a stub cell tagged exercise"
    solutions = [cell for cell in notebook.code if "solution" in cell.tags]
    assert solutions, "an exercise ends with a runnable cell tagged solution"
    for cell in solutions:
        assert "hidden" in cell.tags, "a solution is hidden until the learner opens it"
    text = "\n".join(cell.source for cell in notebook.prose)
    assert text.count("<details><summary>Hint") >= 2, "two hints: first the idea, then the command"


def test_images_are_local_and_described(notebook: Notebook) -> None:
    for cell in notebook.prose:
        for alt, target in IMAGE.findall(cell.source):
            assert len(alt.split()) >= 5, f"{target}: at least five words that say what the picture shows"
            assert (paths.NOTEBOOKS / target).is_file(), f"{target} does not exist"


def test_links_lead_somewhere(notebook: Notebook) -> None:
    for cell in notebook.prose:
        for target in LINK.findall(cell.source):
            if not target.startswith("http"):
                assert (paths.NOTEBOOKS / target).exists(), f"cell {cell.index}: {target} does not exist"
