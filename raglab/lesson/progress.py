"""What this lab remembers about the learner, in one small file: the lesson they are in, the checks they passed, and how
often each said no. It stays on this machine, unless the learner joins a class (`classroom`)."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from raglab import paths
from raglab.lesson import classroom

_extension_loaded = False


def mark_extension() -> None:
    """Remember that this kernel runs shell commands strictly."""
    global _extension_loaded
    _extension_loaded = True


def extension_loaded() -> bool:
    """Whether ``%load_ext raglab.lesson`` has run in this kernel."""
    return _extension_loaded


def _file() -> Path:
    return paths.home() / "progress.json"


def load() -> dict[str, Any]:
    """``{"lesson": "03", "checks": {"03.claims-bound": "2026-11-21T08:00:00+00:00"}, "failed": {"03.values": 2}}``;
    empty at first."""
    try:
        return json.loads(_file().read_text())
    except (OSError, ValueError):
        return {}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _save(progress: dict[str, Any]) -> None:
    draft = _file().with_suffix(".new")
    draft.write_text(json.dumps(progress, indent=1))
    draft.replace(_file())
    classroom.share(progress)


def enter(lesson: str) -> None:
    """The learner has started this lesson."""
    _save(load() | {"lesson": lesson, "entered": _now()})


def within(lesson: str, last: str) -> bool:
    """Whether the learner is in this lesson: entered, and its `last` check not passed since."""
    progress = load()
    passed: dict[str, str] = progress.get("checks", {})
    return progress.get("lesson") == lesson and passed.get(last, "") < progress.get("entered", "")


def passed(check: str) -> None:
    """The learner has passed this check."""
    progress = load()
    progress.setdefault("checks", {})[check] = _now()
    _save(progress)


def failed(check: str) -> None:
    """The check has said no."""
    progress = load()
    counts = progress.setdefault("failed", {})
    counts[check] = counts.get(check, 0) + 1
    _save(progress)
