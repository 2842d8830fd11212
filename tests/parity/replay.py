"""Run the steps of recorded transcripts against pocket clusters."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.parity.recordings import Step, steps
from tests.parity.stage import Shell, alone, stage
from tests.parity.states import Reason, differing_here
from tests.parity.unify import Unifier, evenly

HERE = Path(__file__).parent
SCENES: dict[str, dict[str, Any]] = yaml.safe_load((HERE / "scenes.yaml").read_text())
ATTACHING = 0.5
"""Seconds that a watch which runs beside the steps has to begin."""


@dataclass(frozen=True)
class Outcome:
    """What the pocket cluster answered to a step, whether that is the same, and why not if that is known."""

    name: str
    step: Step
    output: str
    error: str
    exit: int
    equal: bool
    reason: Reason | None


def play(scene: str, folder: Path) -> Iterator[Outcome]:
    """Replay the transcripts of a scene one after another on one fresh cluster in `folder`."""
    plan = SCENES[scene]
    with alone(scene), stage(folder) as shell:
        for command in plan.get("setup", ()):
            shell.set_up(command)
        for transcript in plan["transcripts"]:
            yield from Player(shell, transcript, plan.get(transcript) or {}).play()


Answer = tuple[str, str, int, bool]
"""Output, error, exit code, and whether they are as recorded."""
READS = ("get", "describe", "logs", "events", "list", "status", "history")
PATIENCE = 3.0
"""Seconds in which a reading command may come equal: controllers here and there do not take equally long."""

CUT = re.compile(r"\| head -c \d+$")
"""A command whose output ends after so many characters."""


@dataclass
class Player:
    """Replays one transcript: its steps in order, and beside them what ran beside them when it was recorded."""

    shell: Shell
    transcript: str
    plan: dict[str, Any]

    def play(self) -> Iterator[Outcome]:
        """The outcome of every step."""
        self.unifier, self.zero = Unifier(), time.monotonic()
        self.recorded, self.reasons = steps(self.transcript), differing_here(self.transcript)
        self.running: dict[int, subprocess.Popen[str]] = {}
        for number, step in enumerate(self.recorded):
            self._prepare(number)
            if number == self.plan.get("zero"):
                self.zero = time.monotonic()
            yield Outcome(
                f"{self.transcript} {number}", step, *self._answer(number, step), self.reasons.get(number)
            )

    def _prepare(self, number: int) -> None:
        """What happened before a step, without being recorded itself; and the commands that began then."""
        for later, begin in self.plan.get("beside", {}).items():
            if begin == number:
                self.running[later] = self.shell.start(self.recorded[later].command)
                time.sleep(ATTACHING)
        for event in self.plan.get("before", {}).get(number, ()):
            self._wait_until(event) if isinstance(event, int | float) else self.shell.do(event)

    def _wait_until(self, seconds: float) -> None:
        """Let time pass up to so many seconds after the step from which the recording counted."""
        time.sleep(max(0.0, self.zero + seconds - time.monotonic()))

    def _answer(self, number: int, step: Step) -> Answer:
        """A reading command that is expected to come equal is run again for a while if it is not."""
        reason = self.reasons.get(number)
        if number in self.running:
            return self._compare(step, self.shell.finish(self.running.pop(number), interrupt=True))
        if reason is not None and not reason.run:
            return "", "not run", -1, False
        first = answer = self._compare(step, self.shell.run(step.command))
        deadline = time.monotonic() + (PATIENCE if reason is None and reads(step.command) else 0.0)
        while not answer[-1] and time.monotonic() < deadline:
            time.sleep(0.2)
            answer = self._compare(step, self.shell.run(step.command))
        return answer if answer[-1] else first

    def _compare(self, step: Step, seen: tuple[str, str, int]) -> Answer:
        output, error, code = seen
        recorded = step.output
        if CUT.search(step.command):
            recorded, output = evenly(recorded, output)
        return *seen, self.unifier.equal([recorded, step.error, str(step.exit)], [output, error, str(code)])


def reads(command: str) -> bool:
    """Whether a command only looks, so that it may be run again."""
    words = command.split()
    return words[0] in ("kubectl", "helm") and any(word in READS for word in words[1:3])
