"""Documents of those who teach: what is generated is fresh, and what is written covers every section of the course."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from raglab import paths
from raglab.cli import teaching
from raglab.lesson import answers, manifest, reading, schedules
from raglab.lesson.reading import Section
from tests.documents.markdown import Document

INSTRUCTOR = paths.NOTEBOOKS / "instructor"
EVENTS = schedules.load()
LESSONS = list(manifest.load().values())
FRAME = {"", "Where this fits", "Start", "Recap"}
"""Sections that every lesson has alike and that need no notes."""


@pytest.mark.parametrize("file", teaching.BLOCKS, ids=lambda file: file.stem)
def test_generated_blocks_are_fresh(file: Path) -> None:
    assert teaching.rendered(file) == file.read_text(), "run: raglab record, or raglab.cli.teaching.refresh()"


def test_a_document_without_a_place_for_its_block_is_refused(tmp_path, monkeypatch) -> None:
    (tmp_path / "x.md").write_text("# Nothing to fill\n")
    monkeypatch.setitem(teaching.BLOCKS, tmp_path / "x.md", {"x": str})
    with pytest.raises(ValueError, match=r"x\.md has no place for x"):
        teaching.rendered(tmp_path / "x.md")


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.name)
def test_every_event_fits_and_leaves_a_reserve(event: schedules.Event) -> None:
    assert event.reserve >= event.minutes / 10, "less than a tenth is left for questions"
    order = [entry.lesson for entry in event.entries if entry.lesson]
    assert order == sorted(set(order)), "each lesson once, in the order of the course"


def test_a_part_of_a_lesson_takes_its_share_of_the_words() -> None:
    cells = {
        name: {"cell_type": "markdown", "source": name * count} for name, count in [("a ", 6), ("b ", 3)]
    }
    start = Section("Start", ({"cell_type": "code", "source": "start"},))
    notebook = reading.Notebook((start, Section("A", (cells["a "],)), Section("B", (cells["b "],))), "", 10)
    assert schedules.share_of(notebook, ["A"]) == pytest.approx(0.7)
    with pytest.raises(ValueError, match=r"no such sections: \['Z'\]"):
        schedules.share_of(notebook, ["Z"])


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.number)
def test_sections_hold_every_cell_once(lesson: manifest.Lesson) -> None:
    notebook = reading.read(lesson)
    headings = [section.heading for section in notebook.sections]
    assert headings[0] == "" and {"Start", "Recap"} < set(headings) and len(set(headings)) == len(headings)
    code = [reading.source(cell) for cell in notebook.cells if cell["cell_type"] == "code"]
    raw = (paths.NOTEBOOKS / lesson.file).read_text()
    assert len(code) == raw.count('"cell_type": "code"')


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.number)
def test_the_key_has_every_solution_and_every_prediction(lesson: manifest.Lesson) -> None:
    notebook = reading.read(lesson)
    key = "\n".join(text for section in notebook.sections for text in answers.of_section(section))
    solutions = [c for c in notebook.cells if "solution" in c["metadata"].get("tags", ())]
    assert solutions and all(reading.source(cell) in key for cell in solutions)
    asked = sum(len(re.findall(r"\bPredict\b", reading.source(cell))) for cell in notebook.cells)
    assert key.count("(prediction)") == asked
    for part in key.split("### ")[1:]:
        assert re.search(r"^Check `\d\d\.[\w-]+`: .+", part, flags=re.MULTILINE), f"no answer: {part}"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.number)
def test_notes_cover_every_section(lesson: manifest.Lesson) -> None:
    text = (INSTRUCTOR / "notes.md").read_text()
    [own] = re.findall(rf"^## {lesson.number} .*?(?=^## |\Z)", text, flags=re.MULTILINE | re.DOTALL)
    noted = re.findall(r"^### (.+)$", own, flags=re.MULTILINE)
    wanted = [s.heading for s in reading.read(lesson).sections if s.heading not in FRAME]
    assert noted == wanted
    for part in own.split("\n### ")[1:]:
        missing = [word for word in ("**Say**", "**Stall**", "**Show**") if word not in part]
        assert not missing, f"{part.splitlines()[0]}: {missing}"


def terms() -> list[tuple[str, str]]:
    """Rows of the glossary: the term, and the file of the lesson that introduces it."""
    text = (paths.NOTEBOOKS / "glossary.md").read_text()
    return re.findall(
        r"^\| \*\*(.+?)\*\* \| .+ \| \[\d\d\]\((\d\d_\w+\.ipynb)\) \|$", text, flags=re.MULTILINE
    )


def test_the_glossary_is_sorted_and_whole() -> None:
    names = [name for name, _ in terms()]
    rows = (paths.NOTEBOOKS / "glossary.md").read_text().count("\n| **")
    assert len(names) == rows >= 60, "a row has another form than the rest"
    assert names == sorted(names, key=str.lower) and len(set(names)) == len(names)


@pytest.mark.parametrize(("term", "file"), terms(), ids=[name for name, _ in terms()])
def test_terms_occur_in_the_lesson_that_introduces_them(term: str, file: str) -> None:
    """Where a lesson has it in bold, the first that does is the one that introduces it."""
    spoken = re.compile(rf"(?<![\w-]){re.escape(term)}(s|es|ed|d)?(?!\w)", flags=re.IGNORECASE)
    bold = re.compile(rf"\*\*{re.escape(term)}s?\*\*", flags=re.IGNORECASE)
    assert spoken.search(prose(file))
    assert next((one.file for one in LESSONS if bold.search(prose(one.file))), file) == file


@cache
def prose(file: str) -> str:
    """What a lesson says below its first heading, without what is folded: hints and real clusters."""
    [lesson] = [lesson for lesson in LESSONS if lesson.file == file]
    cells = [cell for section in reading.read(lesson).sections if section.heading for cell in section.cells]
    told = "\n".join(reading.source(cell) for cell in cells if cell["cell_type"] == "markdown")
    return re.sub(r"<details>.*?</details>", "", told, flags=re.DOTALL)


@pytest.mark.parametrize("name", ["learners.md", "next.md", "glossary.md", "troubleshooting.md"])
def test_pages_for_everybody_are_linked_from_the_readme(name: str) -> None:
    assert f"notebooks/{name}" in Document(paths.CHECKOUT / "README.md").links


def test_the_instructors_page_leads_to_all_others() -> None:
    links = set(Document(INSTRUCTOR / "README.md").links)
    assert {file.name for file in INSTRUCTOR.glob("*.md")} - {"README.md"} <= links
