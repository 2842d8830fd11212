"""What a notebook imports.

``%load_ext raglab.lesson`` points the kernel at the lab's cluster and makes a failing shell command fail its cell.
"""

from __future__ import annotations

from typing import Any

from raglab.lesson.checks import check
from raglab.lesson.choosing import choose
from raglab.lesson.dashboards import panels
from raglab.lesson.evaluation import evaluate
from raglab.lesson.figures import figure
from raglab.lesson.grading import grade
from raglab.lesson.sections import undo
from raglab.lesson.showing import show
from raglab.lesson.starting import start
from raglab.lesson.waiting import wait_for

__all__ = [
    "check",
    "choose",
    "evaluate",
    "figure",
    "grade",
    "panels",
    "show",
    "start",
    "undo",
    "wait_for",
]


def load_ipython_extension(shell: Any) -> None:
    """Called by ``%load_ext raglab.lesson``."""
    from raglab.lesson import extension

    extension.load(shell)
