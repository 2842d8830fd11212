"""The state each recorded step is in: equal, an accepted difference, or not supported; and the reasons."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from raglab.targets.network import can_bind
from tests.parity.recordings import steps

FILE = Path(__file__).parent / "states.yaml"
ACCEPTED, UNSUPPORTED = "accepted difference", "not supported"
LOW_PORT = 1
"""Of those that only root opens, on most machines; nothing has been served on it for decades (tcpmux, RFC 1078)."""


@dataclass(frozen=True)
class Reason:
    """Why some steps do not come equal, by transcript.

    `stand_in`: they show what stood in for a part of Kubernetes in the recording. Without `run` they are left out.
    `ordinary_user`: they differ only where the node may not open ports below 1024, and are counted as equal.
    """

    state: str
    why: str
    steps: dict[str, list[int]]
    run: bool = True
    stand_in: bool = False
    ordinary_user: bool = False


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
    """Steps of a transcript that may differ everywhere, with the reason."""
    return _steps(transcript, [reason for reason in reasons() if not reason.ordinary_user])


def differing_here(transcript: str) -> dict[int, Reason]:
    """Steps of a transcript that may differ on this machine, for this user."""
    closed = not can_bind("127.0.0.1", LOW_PORT)
    return _steps(transcript, [reason for reason in reasons() if closed or not reason.ordinary_user])


def _steps(transcript: str, allowed: list[Reason]) -> dict[int, Reason]:
    found = ((number, reason) for reason in allowed for number in reason.steps.get(transcript, ()))
    return dict(sorted(found, key=lambda item: item[0]))
