"""``notebooks/lessons.toml``: what each lesson is, needs, takes and leaves behind."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from raglab import paths


@dataclass(frozen=True, slots=True)
class Lesson:
    """One entry. `minutes` per target are measured by `raglab record`; `state` names what `start` restores."""

    number: str
    file: str
    title: str
    summary: str
    level: str
    gpus: int
    state: str
    leaves: str
    needs: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    minutes: int = 0


def load(file: Path = paths.NOTEBOOKS / "lessons.toml") -> dict[str, Lesson]:
    """All lessons by number, in order."""
    entries = tomllib.loads(file.read_text())["lesson"]
    for entry in entries:
        entry["needs"], entry["checks"] = tuple(entry.get("needs", ())), tuple(entry.get("checks", ()))
    return {entry["number"]: Lesson(**entry) for entry in entries}
