"""The ``raglab`` command: start and stop the lab, look at it, run its lessons and its tests."""

from __future__ import annotations

import signal
import sys

INTERRUPTED = 130  # what shells report for a command that Ctrl-C ended


def main() -> None:
    """Entry point. A signal to end works like Ctrl-C, also while the rest of the program is still loading."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    try:
        from raglab.cli.app import run

        sys.exit(run())
    except KeyboardInterrupt:
        print("\nStopped. Run the same command again to go on.", file=sys.stderr)
        sys.exit(INTERRUPTED)


def _interrupt(*_: object) -> None:
    raise KeyboardInterrupt
