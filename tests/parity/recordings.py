"""What a real Kubernetes 1.36.2 control plane answered: transcripts of commands, one JSON object per line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parent / "recordings"


@dataclass(frozen=True)
class Step:
    """One recorded command with its answer. An interrupted one ran beside others until Ctrl-C."""

    command: str
    output: str = ""
    error: str = ""
    exit: int | str = 0
    interrupted: bool = False
    note: str = ""


def transcripts() -> list[str]:
    """Names of all recordings, in order."""
    return sorted(path.stem for path in FOLDER.glob("*.jsonl"))


@cache
def steps(transcript: str) -> list[Step]:
    """The steps of a recording, in order."""
    lines = (FOLDER / f"{transcript}.jsonl").read_text().splitlines()
    return [Step(**json.loads(line)) for line in lines]
