"""Commands about the course: lab, test, record, check."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click
from rich.console import Console

from raglab import paths
from raglab.cli import jupyter, testing
from raglab.cli.cluster import prepare_models
from raglab.targets import Target, TargetError, current

out = Console(highlight=False)


@click.command()
def lab() -> None:
    """Start everything and open JupyterLab on the lessons; Ctrl-C ends everything.

    Set NO_BROWSER=1 on a server: the address is printed and no browser is opened.
    """
    target = current()
    if target.name == "pocket":
        prepare_models()
    try:
        with out.status("Starting the cluster"):
            target.up(lambda line: out.print(f"[green]✓[/green] {line}"))
        jupyter.serve(target, out)
    finally:
        target.down(lambda line: out.print(f"[green]✓[/green] {line}"))


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.pass_context
def test(context: click.Context) -> None:
    """Run every test, as CI does. Arguments go to pytest, and then only pytest runs."""
    prepare_models()
    raise SystemExit(testing.run(context.args))


@click.command()
@click.argument("lessons", nargs=-1)
def record(lessons: tuple[str, ...]) -> None:
    """Run lessons (all, or by number) on the current target and store their outputs in the notebooks."""
    from raglab.lesson import recording

    target = current()
    target.up(lambda line: out.print(f"[green]✓[/green] {line}"))
    for notebook in recording.notebooks(paths.NOTEBOOKS, lessons):
        with out.status(f"Running {notebook.name}"):
            seconds = _record(notebook, target)
        out.print(f"[green]✓[/green] {notebook.name} in {seconds:.0f} s")


def _record(notebook: Path, target: Target) -> float:
    from nbclient.exceptions import CellExecutionError

    from raglab.lesson import recording

    try:
        return recording.record(notebook, target)
    except CellExecutionError as error:
        raise TargetError(
            f"{notebook.name} was not recorded: {error}", "Mend the cell and record again."
        ) from error


@click.command()
@click.argument("id")
def check(id: str) -> None:
    """Run one lesson check, for example: raglab check 03.pods-ready"""
    from raglab.lesson import CheckFailed
    from raglab.lesson import check as run_check

    os.environ.update(current().environment())
    try:
        run_check(id)
    except CheckFailed as failure:
        out.print(str(failure))
        sys.exit(1)


COMMANDS = (lab, test, record, check)
