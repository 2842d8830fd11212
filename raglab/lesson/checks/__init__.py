"""Checks: one small function per thing a learner can get right, shared by learner, instructor and CI."""

from raglab.lesson.checks import (
    lesson_00,
    lesson_01,
    lesson_02,
    lesson_03,
    lesson_04,
    lesson_05,
    lesson_06,
    lesson_07,
)
from raglab.lesson.checks.registry import CheckFailed, Verdict, check, register

__all__ = [
    "CheckFailed",
    "Verdict",
    "check",
    "lesson_00",
    "lesson_01",
    "lesson_02",
    "lesson_03",
    "lesson_04",
    "lesson_05",
    "lesson_06",
    "lesson_07",
    "register",
]
