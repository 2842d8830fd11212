"""A class: learners who chose to, put their progress into a folder that their instructor can read.

Nothing is shared unless ``RAGLAB_CLASS`` names the folder. Each learner has one file there, called after
``RAGLAB_LEARNER`` (default: the user's name) and readable by everybody who can read the folder.
"""

from __future__ import annotations

import getpass
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SUFFIX = ".progress.json"


def learner() -> str:
    """What the learner is called: ``$RAGLAB_LEARNER``, or the name of the user, if the machine knows it."""
    try:
        return os.environ.get("RAGLAB_LEARNER") or getpass.getuser()
    except (KeyError, OSError):  # a number without a name, as in many containers
        return "learner"


def share(progress: dict[str, Any]) -> None:
    """Put the learner's progress into the class's folder, if there is one. A folder that cannot be written is told and
    stops nobody.
    """
    if not (folder := os.environ.get("RAGLAB_CLASS")):
        return
    file = Path(folder) / (_file_name(learner()) + SUFFIX)
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        draft.write_text(json.dumps({"learner": learner()} | progress, indent=1))
        draft.replace(file)
    except OSError as error:
        print(f"Your progress was not shared with the class: {error}", file=sys.stderr)


def shared(folder: Path) -> Iterator[dict[str, Any]]:
    """The progress of every learner of a class, by name. Files that are not such are told of and left out."""
    for file in sorted(folder.glob(f"*{SUFFIX}")):
        try:
            found = json.loads(file.read_text())
            yield {"learner": str(found["learner"]), "checks": {}, "failed": {}} | found
        except (OSError, ValueError, KeyError, TypeError) as error:
            print(f"{file.name} was left out: {error!r}", file=sys.stderr)


def _file_name(name: str) -> str:
    """Letters and digits of any script, dots and dashes; anything else becomes a dash."""
    return re.sub(r"[^\w.-]+", "-", name).strip(".-") or "learner"
