"""Lessons as documents about them need them: sections, their words, and when the outputs were recorded."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raglab import paths
from raglab.lesson.manifest import Lesson

Cell = dict[str, Any]
HEADING = re.compile(r"^## (.+)$", flags=re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Section:
    """What stands below one heading of the second level; what precedes the first has an empty heading."""

    heading: str
    cells: tuple[Cell, ...]

    @property
    def words(self) -> int:
        """Words of prose and code together, a measure of how much there is to read and to talk about."""
        return sum(len(source(cell).split()) for cell in self.cells)


@dataclass(frozen=True, slots=True)
class Notebook:
    """A lesson's sections, and from its stamp the day and the seconds of the recorded run."""

    sections: tuple[Section, ...]
    recorded: str
    seconds: int

    @property
    def cells(self) -> list[Cell]:
        return [cell for section in self.sections for cell in section.cells]


def read(lesson: Lesson, folder: Path = paths.NOTEBOOKS) -> Notebook:
    """Raises `KeyError` for a notebook that `raglab record` has not stamped."""
    raw = json.loads((folder / lesson.file).read_text())
    stamp = raw["metadata"]["raglab"]
    return Notebook(tuple(_sections(raw["cells"])), stamp["recorded"], stamp["seconds"])


def source(cell: Cell) -> str:
    return "".join(cell["source"])


def printed(cell: Cell) -> str:
    """What a code cell printed, or the value it ended with, as plain text."""
    outputs = cell.get("outputs", [])
    return "".join("".join(o.get("text") or o.get("data", {}).get("text/plain", "")) for o in outputs)


def _sections(cells: list[Cell]) -> list[Section]:
    """A heading may stand in the middle of a cell: what precedes it there still belongs to the section before."""
    found: list[tuple[str, list[Cell]]] = [("", [])]
    for cell in cells:
        if cell["cell_type"] != "markdown":
            found[-1][1].append(cell)
            continue
        before, *headed = HEADING.split(source(cell))
        found[-1][1].append(cell | {"source": before.strip()})
        for heading, text in zip(headed[::2], headed[1::2], strict=True):
            found.append((heading, [cell | {"source": text.strip()}]))
    return [Section(heading, tuple(c for c in inner if source(c))) for heading, inner in found]
