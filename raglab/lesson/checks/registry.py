"""The register of checks and the one function that runs them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from raglab.lesson import cluster, progress, sections

PATIENCE = 5.0  # seconds a check keeps looking before it says no: controllers need a moment
PATIENCE_WITHOUT_ANSWER = 15.0  # seconds: a connection may take ten to fail
INTERVAL = 0.5


class Verdict(NamedTuple):
    """What a check saw: passed or not, the observation, what was expected, and the command to try next."""

    passed: bool
    observed: str
    expected: str
    next: str


class CheckFailed(Exception):
    """A check said no; the message has observed, expected, a hint and the next step."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


class Check(NamedTuple):
    id: str
    title: str
    hint: str
    look: Callable[..., Verdict]


_checks: dict[str, Check] = {}


def register(id: str, title: str, hint: str) -> Callable[[Callable[..., Verdict]], Callable[..., Verdict]]:
    """Decorator: ``@register("03.claims-bound", "The three claims are Bound", "A claim waits for a volume of …")``.

    `hint` is the idea that helps when the check says no; what to type is in the verdict.
    """

    def add(look: Callable[..., Verdict]) -> Callable[..., Verdict]:
        if id in _checks:
            raise ValueError(f"two checks are called {id}")
        _checks[id] = Check(id, title, hint, look)
        return look

    return add


def registered() -> dict[str, Check]:
    """All checks by id."""
    return dict(_checks)


def check(id: str, *answer: Any) -> None:
    """Print one green line, or raise `CheckFailed` with observed, expected, a hint and the next command to try.

    `answer` is what the learner worked out, for checks that ask for it.
    """
    if id not in _checks:
        raise CheckFailed(f"There is no check {id!r}. Known: {', '.join(sorted(_checks))}")
    verdict = _patiently(_checks[id], answer)
    if not verdict.passed:
        progress.failed(id)
        raise CheckFailed(_refusal(_checks[id], verdict))
    progress.passed(id)
    print(f"✓ {id}  {_checks[id].title}: {verdict.observed}")
    sections.mark(id)


def _refusal(item: Check, verdict: Verdict) -> str:
    return (
        f"✗ {item.id}  {item.title}\n  observed: {verdict.observed}\n  expected: {verdict.expected}\n"
        f"  hint:     {item.hint}\n  next:     {verdict.next}"
    )


def _patiently(item: Check, answer: tuple[Any, ...]) -> Verdict:
    """Look until it passes. A cluster that gave no answer at the last moment is asked once more, as a person would."""
    start = time.monotonic()
    while True:
        verdict, answered = _look(item, answer)
        patience = PATIENCE if answered else PATIENCE_WITHOUT_ANSWER
        if verdict.passed or (answer and answered) or time.monotonic() > start + patience:
            return verdict
        time.sleep(INTERVAL)


def _look(item: Check, answer: tuple[Any, ...]) -> tuple[Verdict, bool]:
    """What is seen, and whether the cluster answered; a refusal is an observation too."""
    try:
        return item.look(*answer), True
    except cluster.ClusterError as error:
        return Verdict(False, str(error), "an answer from the cluster", "raglab status"), False
