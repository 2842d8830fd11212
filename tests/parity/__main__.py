"""``python -m tests.parity [SCENE ...]``: replay recordings, and show each step that differs and how.

``--write`` writes ``COVERAGE.md`` anew, after a replay of everything in which no step differed without a reason.
"""

from __future__ import annotations

import argparse
import difflib
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tests.parity import coverage
from tests.parity.replay import SCENES, Outcome, play
from tests.parity.unify import blank, tidy


def main() -> int:
    """The exit code is 1 if a step differs without a reason."""
    parser = argparse.ArgumentParser(prog="python -m tests.parity", description=__doc__)
    parser.add_argument(
        "scenes", nargs="*", metavar="SCENE", help=f"{', '.join(SCENES)}; all if none is given"
    )
    parser.add_argument("--write", action="store_true", help="write COVERAGE.md if all is as stated")
    parser.add_argument("--all", action="store_true", help="show also steps that differ with a reason")
    options = parser.parse_args()
    unexplained = sum(show(scene, everything=options.all) for scene in options.scenes or SCENES)
    if options.write and not unexplained and not options.scenes:
        coverage.FILE.write_text(coverage.render(datetime.now(UTC).strftime("%Y-%m-%d")))
    return int(bool(unexplained))


def show(scene: str, *, everything: bool) -> int:
    """Replay a scene, tell what differs, and return how many steps do so without a reason."""
    with tempfile.TemporaryDirectory() as folder:
        outcomes = list(play(scene, Path(folder)))
    surprising = [outcome for outcome in outcomes if not outcome.equal and outcome.reason is None]
    for outcome in outcomes:
        if not outcome.equal and (everything or outcome.reason is None):
            print(*difference(outcome), sep="\n")
        if outcome.equal and outcome.reason is not None and everything:
            print(f"{outcome.name} is equal, though a reason is given")
    equal = sum(outcome.equal for outcome in outcomes)
    print(f"{scene}: {equal} of {len(outcomes)} equal, {len(surprising)} differ without a reason", flush=True)
    return len(surprising)


def difference(outcome: Outcome) -> Iterator[str]:
    """How an outcome differs from the recording, line by line, without what may differ."""
    step = outcome.step
    yield f"{outcome.name}: {step.command}"
    if str(step.exit) != str(outcome.exit):
        yield f"    exit {step.exit} in the recording, {outcome.exit} here"
    for recorded, seen in ((step.output, outcome.output), (step.error, outcome.error)):
        lines = [[blank(line) for line in tidy(text).splitlines()] for text in (recorded, seen)]
        yield from (f"    {line}" for line in list(difflib.unified_diff(*lines, lineterm="", n=0))[2:])


if __name__ == "__main__":
    raise SystemExit(main())
