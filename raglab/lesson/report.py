"""What a learner has reached, and a class: the facts behind `raglab report`, and the pages that show them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jinja2

from raglab import __version__
from raglab.lesson.manifest import Lesson

PAGES = Path(__file__).parent / "pages"


@dataclass(frozen=True, slots=True)
class Reached:
    """One lesson of one learner: checks passed of `total`, and the day of the last one (empty if none)."""

    lesson: Lesson
    passed: int
    total: int
    day: str

    @property
    def complete(self) -> bool:
        return self.passed == self.total


@dataclass(frozen=True, slots=True)
class Learner:
    """One learner: lessons in order, the check that said no most often and is not passed, and when they last passed
    one."""

    name: str
    lessons: tuple[Reached, ...]
    stuck: str
    seen: str

    @property
    def complete(self) -> bool:
        return all(item.complete for item in self.lessons)

    @property
    def passed(self) -> int:
        return sum(item.passed for item in self.lessons)

    @property
    def total(self) -> int:
        return sum(item.total for item in self.lessons)


def learner(name: str, progress: Mapping[str, Any], lessons: Iterable[Lesson]) -> Learner:
    """`progress` is what `progress.load` gives."""
    passed: dict[str, str] = progress.get("checks", {})
    failed: dict[str, int] = progress.get("failed", {})
    open_ones = {check: count for check, count in failed.items() if check not in passed}
    worst = max(open_ones, key=lambda check: open_ones[check], default="")
    return Learner(
        name=name,
        lessons=tuple(_reached(lesson, passed) for lesson in lessons),
        stuck=f"{worst} ({open_ones[worst]} times)" if worst else "",
        seen=max(passed.values(), default="")[:16].replace("T", " "),
    )


def _reached(lesson: Lesson, passed: Mapping[str, str]) -> Reached:
    times = [passed[check] for check in lesson.checks if check in passed]
    return Reached(lesson, len(times), len(lesson.checks), max(times, default="")[:10])


def certificate(who: Learner) -> str:
    """The learner's own page, as HTML."""
    return _page("certificate.html", who=who)


def class_page(learners: Iterable[Learner], lessons: Iterable[Lesson]) -> str:
    """The instructor's table, as HTML."""
    return _page("class.html", learners=list(learners), lessons=list(lessons))


def class_csv(learners: Iterable[Learner], lessons: Iterable[Lesson]) -> str:
    """The same table for a spreadsheet."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(
        ["learner", *(lesson.number for lesson in lessons), "passed", "total", "stuck", "last seen (UTC)"]
    )
    for who in learners:
        counts = [item.passed for item in who.lessons]
        rows.writerow([_plain(who.name), *counts, who.passed, who.total, who.stuck, who.seen])
    return text.getvalue()


def _plain(name: str) -> str:
    """A spreadsheet takes a cell that begins like this for a formula."""
    return f"'{name}" if name[:1] in "=+-@\t" else name


def _page(name: str, **facts: object) -> str:
    loader = jinja2.FileSystemLoader(PAGES)
    pages = jinja2.Environment(loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True)
    today = datetime.now(UTC).date().isoformat()
    return pages.get_template(name).render(version=__version__, today=today, **facts)
