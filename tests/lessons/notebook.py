"""Lessons as the lints see them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raglab import paths

NOTEBOOKS = sorted(paths.NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))


@dataclass(frozen=True)
class Cell:
    index: int
    kind: str
    source: str
    tags: frozenset[str]
    outputs: list[dict[str, Any]]

    @property
    def lines(self) -> list[str]:
        return [line for line in self.source.splitlines() if line.strip()]


@dataclass(frozen=True)
class Notebook:
    path: Path
    raw: dict[str, Any]
    cells: list[Cell]

    @property
    def code(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.kind == "code"]

    @property
    def prose(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.kind == "markdown"]


def read(path: Path) -> Notebook:
    raw = json.loads(path.read_text())
    cells = [
        Cell(
            index,
            cell["cell_type"],
            "".join(cell["source"]),
            frozenset(cell["metadata"].get("tags", ())),
            cell.get("outputs", []),
        )
        for index, cell in enumerate(raw["cells"])
    ]
    return Notebook(path, raw, cells)
