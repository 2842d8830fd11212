"""The manifest, the checks, the pictures and the links of every lesson agree with it; `test_template` has its parts."""

from __future__ import annotations

import re

from raglab import paths
from raglab.lesson import manifest, preparing
from raglab.lesson.checks.registry import registered
from raglab.lesson.strips import strip
from tests.lessons.notebook import NOTEBOOKS, Notebook

IMAGE = re.compile(r"!\[(.*?)\]\((.*?)\)", re.S)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)#]+)")


def lesson_of(notebook: Notebook) -> manifest.Lesson:
    return manifest.load()[notebook.path.name[:2]]


def test_manifest_lists_every_notebook() -> None:
    assert [lesson.file for lesson in manifest.load().values()] == [path.name for path in NOTEBOOKS]


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
    assert 3 <= len(re.findall(r"^- ", objectives, re.M)) <= 5


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


def test_lessons_that_leave_nothing_are_cleared_away_by_the_next(notebook: Notebook) -> None:
    text = "\n".join(cell.source for cell in notebook.code)
    made = set(re.findall(r"kubectl create namespace (\S+)", text))
    if lesson_of(notebook).leaves == "nothing":
        assert made <= set(preparing.PLAYGROUNDS), "start() of later lessons does not know this namespace"
