"""Every lesson has every part of the template: a table of lessons and rules. And each rule can say no."""

from __future__ import annotations

import dataclasses

import pytest

from tests.lessons import template
from tests.lessons.notebook import NOTEBOOKS, Cell, Notebook, read


@pytest.mark.parametrize("rule", template.RULES)
def test_lesson_follows_the_template(notebook: Notebook, rule: str) -> None:
    assert template.RULES[rule](notebook) == []


def changed(old: str, new: str) -> Notebook:
    """Lesson 03 with `old` replaced in every cell."""
    lesson = read(NOTEBOOKS[3])
    assert any(old in cell.source for cell in lesson.cells), f"lesson 03 has no {old!r} any more"
    cells = [dataclasses.replace(cell, source=cell.source.replace(old, new)) for cell in lesson.cells]
    return dataclasses.replace(lesson, cells=cells)


@pytest.mark.parametrize(
    ("rule", "old", "new"),
    [
        ("parts in order", "## Recap", "## Summary"),
        ("three to six numbered sections", "## 2 ·", "## 3 ·"),
        ("a check ends each part", 'check("03.values")', "pass"),
        ("objectives name every check but the last", "`03.values`", "values"),
        ("the architecture with its part lit", "architecture-03", "architecture-04"),
        ("exercise with hints and a hidden solution", "<details><summary>Hint 2", "<details><summary>Hint"),
        (
            "exercise with hints and a hidden solution",
            "# helm upgrade rag-app",
            "# helm upgrade pgvector-app",
        ),
        ("exercise with hints and a hidden solution", 'check("03.own-port")', "pass"),
        ("break it: predict, repair", "Predict", "Guess"),
        ("break it: predict, repair", 'check("03.repaired")', "pass"),
        ("on a real cluster, folded", "<details><summary><b>On a real cluster</b></summary>", "## Real"),
        ("recap, clean up, next", 'check("03.leaves")', "pass"),
        ("recap, clean up, next", "04_query_router.ipynb", "05_monitoring.ipynb"),
        ("pictures come from figures", "../figures/helm", "../pictures/helm"),
    ],
)
def test_rule_sees_what_is_missing(rule: str, old: str, new: str) -> None:
    assert template.RULES[rule](changed(old, new)) != []


def test_solution_that_is_not_hidden_is_seen() -> None:
    lesson = read(NOTEBOOKS[3])
    shown: list[Cell] = [
        dataclasses.replace(cell, tags=cell.tags - {"hidden"}) if "solution" in cell.tags else cell
        for cell in lesson.cells
    ]
    assert template.exercises(dataclasses.replace(lesson, cells=shown)) != []
