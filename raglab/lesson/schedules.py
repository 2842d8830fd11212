"""Schedules of events: which lessons in which order, with minutes computed from the manifest and the recordings.

``notebooks/instructor/schedules.toml`` says what is taught, not how long it takes. A whole lesson takes the minutes of
``lessons.toml``; a part of one takes the share of them that its sections have of the lesson's words.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from raglab import paths
from raglab.lesson import manifest, reading
from raglab.lesson.manifest import Lesson

EVENTS = paths.NOTEBOOKS / "instructor" / "schedules.toml"
ALWAYS = ("Start",)
"""Sections without which no other of a lesson works."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of a schedule: `minutes` for people, of which the machine works `seconds` in the recorded run."""

    minutes: int
    what: str
    lesson: str = ""
    seconds: int = 0


@dataclass(frozen=True, slots=True)
class Event:
    """What is taught in `minutes`; the entries must leave a reserve."""

    name: str
    about: str
    minutes: int
    entries: tuple[Entry, ...]

    @property
    def planned(self) -> int:
        return sum(entry.minutes for entry in self.entries)

    @property
    def reserve(self) -> int:
        """Minutes that are left for questions and for what goes wrong."""
        return self.minutes - self.planned


def load(file: Path = EVENTS) -> list[Event]:
    """All events. Raises `ValueError` for a section that a lesson does not have."""
    lessons = manifest.load()
    return [_event(raw, lessons) for raw in tomllib.loads(file.read_text())["event"]]


def _event(raw: Mapping[str, Any], lessons: Mapping[str, Lesson]) -> Event:
    entries = tuple(_entry(item, lessons) for item in raw["entries"])
    return Event(raw["name"], raw["about"], raw["minutes"], entries)


def _entry(item: Mapping[str, Any], lessons: Mapping[str, Lesson]) -> Entry:
    if "lesson" not in item:
        return Entry(item["minutes"], item["what"])
    lesson = lessons[item["lesson"]]
    notebook, sections = reading.read(lesson), item.get("sections", [])
    share = share_of(notebook, sections) if sections else 1.0
    minutes, seconds = math.ceil(share * lesson.minutes), round(share * notebook.seconds)
    return Entry(minutes, _title(lesson, sections), lesson.number, seconds)


def _title(lesson: Lesson, sections: Iterable[str]) -> str:
    link = f"[{lesson.number} {lesson.title}](../{lesson.file})"
    names = "; ".join(section.replace(" · ", " ") for section in sections)
    return f"{link}: {names}" if names else link


def share_of(notebook: reading.Notebook, sections: Iterable[str]) -> float:
    """The share of a lesson's words that `sections` have, with those they cannot do without."""
    words = {section.heading: section.words for section in notebook.sections}
    wanted = {*sections, *ALWAYS}
    if unknown := wanted - words.keys():
        raise ValueError(f"no such sections: {sorted(unknown)}; there are {sorted(words)}")
    return sum(words[name] for name in wanted) / sum(words.values())


def tables(events: Iterable[Event]) -> str:
    """All events in Markdown, each with its clock and what is left."""
    return "\n\n".join(_table(event) for event in events)


def _table(event: Event) -> str:
    rows, clock = [], 0
    for entry in event.entries:
        machine = f"{entry.seconds} s" if entry.seconds else ""
        rows.append(f"| {clock // 60}:{clock % 60:02} | {entry.minutes} | {entry.what} | {machine} |")
        clock += entry.minutes
    rows.append(f"| {clock // 60}:{clock % 60:02} | {event.reserve} | reserve | |")
    head = "| From | Minutes | What | The machine works |\n|---|---|---|---|"
    return f"## {event.name}\n\n{event.about}\n\n{head}\n" + "\n".join(rows)


def measured() -> str:
    """Each lesson's minutes beside what was measured of it, in Markdown."""
    head = "| Lesson | Minutes | Recorded run | On | Words | Checks |\n|---|---|---|---|---|---|"
    rows = [_measured(lesson) for lesson in manifest.load().values()]
    return "\n".join([head, *rows])


def _measured(lesson: Lesson) -> str:
    notebook = reading.read(lesson)
    words = sum(section.words for section in notebook.sections)
    facts = (_title(lesson, ()), lesson.minutes, f"{notebook.seconds} s", notebook.recorded, words)
    return f"| {' | '.join(map(str, facts))} | {len(lesson.checks)} |"
