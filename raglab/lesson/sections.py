"""Where a learner can go back to: the beginning of the lesson, each check passed since, and what was there before.

The places are snapshots of the cluster, so only a target that can take them has any. Those of another lesson are
dropped when the next one begins; the states that lessons begin with are kept, and found again by the files they were
made from.
"""

from __future__ import annotations

import hashlib

from raglab import paths
from raglab.lesson import preparing, progress, settling
from raglab.lesson.manifest import Lesson
from raglab.pocket.snapshots import BrokenSnapshot
from raglab.targets import Target, TargetError, current
from raglab.targets.snapshots import Snapshots

BEFORE, BEGINNING, LEAVING, STATE = "before", "beginning", "leaving", "state-"
SOURCES = paths.CHECKOUT / "kubernetes-config"
"""What the states of lessons are made from."""


class CannotUndo(Exception):
    """There is no such place to go back to; the message says which there are."""

    def _render_traceback_(self) -> list[str]:
        return [f"CannotUndo: {self}"]


def begin(lesson: Lesson, target: Target) -> None:
    """Bring the cluster into the state `lesson` begins with: from its snapshot, or by making it and taking one."""
    snapshots = target.snapshots()
    if snapshots is None:
        preparing.reach(lesson.state, target)
        return
    _keep(BEFORE, snapshots)
    for name in places(snapshots):
        snapshots.drop(name)
    _bring(lesson.state, target, snapshots)
    _keep(BEGINNING, snapshots)


def mark(check: str) -> None:
    """The learner has passed `check`: this is where the next section starts."""
    inside = progress.load().get("lesson") == check.split(".")[0]
    if inside and (snapshots := current().snapshots()) is not None:
        _keep(check, snapshots)


def undo(to: str = "") -> None:
    """Put the cluster back to the start of this section: right after the last check you passed.

    `to` goes further: the id of an earlier check, ``"beginning"`` of the lesson, or ``"before"`` the last `start` or
    `undo`. Objects, volumes and logs come back; variables of the notebook do not change. Raises `CannotUndo`.
    """
    target = current()
    if (snapshots := target.snapshots()) is None:
        raise CannotUndo(f"not on {target.name}. Back to the beginning: start(…, fresh=True)")
    known = places(snapshots)
    chosen = to or (known[-1] if known else "")
    if chosen not in snapshots.names():
        raise CannotUndo(
            f"no such place: {to or 'no lesson was started'}. Known: {', '.join(known) or 'none'}"
        )
    snapshots.take(LEAVING)
    try:
        _restore(chosen, target, snapshots)
    except BrokenSnapshot as error:
        raise CannotUndo(f"{error}. Nothing was changed. Known: {', '.join(known)}") from error
    for later in known[known.index(chosen) + 1 :] if chosen in known else []:
        snapshots.drop(later)
    snapshots.rename(LEAVING, BEFORE)
    print(f"✓ back to {_in_words(chosen)}; undo({BEFORE!r}) brings back what was here")


def _keep(name: str, snapshots: Snapshots) -> None:
    """Without room for it the learner can go on, but not come back to here."""
    try:
        snapshots.take(name)
    except (OSError, TargetError) as error:
        print(f"  (undo() cannot come back to here: {error})")


def _bring(state: str, target: Target, snapshots: Snapshots) -> None:
    """Restore a state; make it if there is no snapshot of it yet, or if that is damaged or of other files."""
    name, made_from = f"{STATE}{state}", _made_from()
    for old in snapshots.names():
        if old.startswith(STATE) and not old.endswith(made_from):
            snapshots.drop(old)
    try:
        _restore(f"{name}-{made_from}", target, snapshots)
    except (KeyError, BrokenSnapshot):
        preparing.reach(state, target)
        if state != preparing.ANY:
            _keep(f"{name}-{made_from}", snapshots)


def _restore(name: str, target: Target, snapshots: Snapshots) -> None:
    ready = snapshots.restore(name)
    target.up(lambda line: None)
    settling.wait(ready)


def places(snapshots: Snapshots) -> list[str]:
    """Where `undo` goes by itself, oldest first: the beginning, and the checks passed."""
    return [name for name in snapshots.names() if name == BEGINNING or name[0].isdigit()]


def _made_from() -> str:
    digest = hashlib.sha256()
    for file in sorted(path for path in SOURCES.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(SOURCES)}\0".encode() + file.read_bytes())
    return digest.hexdigest()[:12]


def _in_words(place: str) -> str:
    words = {BEGINNING: "the beginning of the lesson", BEFORE: "what was before the last start or undo"}
    return words.get(place, f"the moment after check {place}")
