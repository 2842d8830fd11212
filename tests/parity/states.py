"""The state each recorded step is in: equal, an accepted difference, or not supported; and the reasons."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from tests.parity.recordings import steps

FILE = Path(__file__).parent / "states.yaml"
ACCEPTED, UNSUPPORTED = "accepted difference", "not supported"


@dataclass(frozen=True)
class Reason:
    """Why some steps do not come equal, by transcript.

    `stand_in`: they show what stood in for a part of Kubernetes in the recording. Without `run` they are left out.
    """

    state: str
    why: str
    steps: dict[str, list[int]]
    run: bool = True
    stand_in: bool = False


@cache
def reasons() -> list[Reason]:
    """All reasons of ``states.yaml``, in order. A step may have one only, and must exist."""
    raw: dict[str, list[dict[str, Any]]] = yaml.safe_load(FILE.read_text())
    found = [Reason(state, **item) for state, items in raw.items() for item in items]
    listed = [
        (name, number) for reason in found for name, numbers in reason.steps.items() for number in numbers
    ]
    if twice := {step for step in listed if listed.count(step) > 1}:
        raise ValueError(f"steps with two reasons: {sorted(twice)}")
    if missing := [(name, number) for name, number in listed if number >= len(steps(name))]:
        raise ValueError(f"no such steps: {missing}")
    return found


@cache
def differing(transcript: str) -> dict[int, Reason]:
    """Steps of a transcript that may differ, with the reason."""
    found = ((number, reason) for reason in reasons() for number in reason.steps.get(transcript, ()))
    return dict(sorted(found, key=lambda item: item[0]))
