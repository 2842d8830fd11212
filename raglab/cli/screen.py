"""What commands share to speak to people: where they print, and how they show that work goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def done(line: str) -> None:
    """One finished step."""
    out.print(f"[green]✓[/green] {escape(line)}", soft_wrap=True)


@contextmanager
def working(what: str) -> Iterator[None]:
    """A spinner with a clock on a terminal; a plain line in a log."""
    if not out.is_terminal:
        out.print(f"{what} …")
        yield
        return
    with out.status(f"{what} …"):
        yield
