"""The title strip of each lesson and the lesson table of the README, both made from ``lessons.toml``."""

from __future__ import annotations

from collections.abc import Iterable

from raglab.lesson.manifest import Lesson


def strip(lesson: Lesson) -> str:
    """The first cell of a notebook."""
    needs = ", ".join(lesson.needs) or "nothing"
    return (
        f"# {lesson.number} · {lesson.title}\n\n{lesson.summary}.\n\n"
        f"| Level | Time | GPUs | Needs lessons | Leaves behind |\n|---|---|---|---|---|\n"
        f"| {lesson.level} | {lesson.minutes} min | {lesson.gpus} of 4 | {needs} | {lesson.leaves} |"
    )


def table(lessons: Iterable[Lesson]) -> str:
    """The lesson table of the README."""
    rows = [
        f"| [{x.number} {x.title}](notebooks/{x.file}) | {x.summary} | {x.minutes} min |" for x in lessons
    ]
    return "\n".join(["| Lesson | You learn | Time |", "|---|---|---|", *rows])
