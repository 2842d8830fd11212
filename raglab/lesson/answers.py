"""The answer key: solutions of the exercises and answers to the predictions, taken from the recorded lessons."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import takewhile

from raglab.lesson import manifest, reading
from raglab.lesson.manifest import Lesson
from raglab.lesson.reading import Cell, Section, printed, source

PREDICT = re.compile(r"\bPredict\b")
CHECK = re.compile(r'^check\("', flags=re.MULTILINE)
PASSED = re.compile(r"^✓ (\d\d\.[\w-]+)  (.*)$", flags=re.MULTILINE)
DETAILS = re.compile(r"<details>.*?</details>", flags=re.DOTALL)


def key() -> str:
    """All lessons in Markdown."""
    return "\n\n".join(_lesson(lesson) for lesson in manifest.load().values())


def _lesson(lesson: Lesson) -> str:
    found = [text for section in reading.read(lesson).sections for text in of_section(section)]
    return "\n\n".join([f"## {lesson.number} {lesson.title}", *found])


def of_section(section: Section) -> Iterator[str]:
    """Its predictions in their order, or the one exercise."""
    if section.heading.startswith("Exercise"):
        yield _exercise(section)
        return
    for position, cell in enumerate(section.cells):
        if section.heading and cell["cell_type"] == "markdown" and PREDICT.search(source(cell)):
            yield _prediction(section.heading, cell, section.cells[position + 1 :])


def _prediction(heading: str, cell: Cell, after: Iterable[Cell]) -> str:
    asked = [text for text in source(cell).split("\n\n") if PREDICT.search(text)]
    return "\n\n".join([f"### {heading} (prediction)", _quoted(asked), *_answer(after)])


def _answer(after: Iterable[Cell]) -> Iterator[str]:
    """What the lesson says next, and what its next check saw; a check that comes first has the answer alone."""
    told = False
    for cell in after:
        if cell["cell_type"] == "markdown" and not told:
            told = True
            yield source(cell).split("\n\n")[0]
        elif cell["cell_type"] == "code" and CHECK.search(source(cell)):
            yield from _checked(cell)
            return


def _exercise(section: Section) -> str:
    before = takewhile(lambda cell: cell["cell_type"] == "markdown", section.cells)
    task = [DETAILS.sub("", source(cell)).strip() for cell in before]
    solutions = [_code(cell) for cell in section.cells if "solution" in cell["metadata"].get("tags", ())]
    checks = [text for cell in section.cells if cell["cell_type"] == "code" for text in _checked(cell)]
    return "\n\n".join([f"### {section.heading}", _quoted(task), *solutions, *checks])


def _checked(cell: Cell) -> Iterator[str]:
    for name, told in PASSED.findall(printed(cell)):
        yield f"Check `{name}`: {told}"


def _code(cell: Cell) -> str:
    return f"```python\n{source(cell)}\n```"


def _quoted(texts: Iterable[str]) -> str:
    lines = "\n\n".join(texts).splitlines()
    return "\n".join(f"> {line}".rstrip() for line in lines)
