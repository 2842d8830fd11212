"""Commands about the course: lab, check, test, record."""

from __future__ import annotations

import os
from pathlib import Path

import click

from raglab import paths
from raglab.cli import jupyter, testing
from raglab.cli.cluster import start, stop
from raglab.cli.preparing import prepare
from raglab.cli.screen import done, out, working
from raglab.targets import Target, TargetError, current


@click.command()
def lab() -> None:
    """Start everything and open JupyterLab on the lessons; Ctrl-C ends everything.

    Set NO_BROWSER=1 on a server: the address is printed and no browser is opened.
    """
    target = current()
    jupyter.refuse_second()
    start(target)
    try:
        jupyter.serve(target)
    finally:
        stop(target)


@click.command()
@click.argument("id")
def check(id: str) -> None:
    """Run one lesson check.

    \b
    raglab check 03.claims-bound
    """
    from raglab.lesson import check as run_check
    from raglab.lesson.checks import CheckFailed

    target = current()
    if not target.is_up():
        raise TargetError("The cluster is not running.", "raglab up")
    os.environ.update(target.environment())
    try:
        run_check(id)
    except CheckFailed as failure:
        out.print(str(failure), markup=False, soft_wrap=True)
        raise SystemExit(1) from None


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.pass_context
def test(context: click.Context) -> None:
    """Run every test, as CI does. A running lab is left alone.

    Arguments go to pytest, and then only pytest runs.

    \b
    raglab test
    raglab test tests/pocket -k helm
    """
    prepare()
    raise SystemExit(testing.run(context.args))


@click.command()
@click.argument("lessons", nargs=-1)
def record(lessons: tuple[str, ...]) -> None:
    """Run lessons (all, or by number) on the current target and store their outputs in the notebooks.

    The README's table of lessons and the instructors' documents are brought up to date as well.

    \b
    raglab record 03 04
    """
    from raglab.cli import readme, teaching
    from raglab.lesson import recording

    target = current()
    start(target)
    for notebook in recording.notebooks(paths.NOTEBOOKS, lessons):
        with working(f"Running {notebook.name}"):
            seconds = _record(notebook, target)
        done(f"{notebook.name} in {seconds:.0f} s")
    if readme.refresh():
        done("README.md has the new lesson table")
    for file in teaching.refresh():
        done(f"{file.name} follows the lessons")


def _record(notebook: Path, target: Target) -> float:
    from nbclient.exceptions import CellExecutionError

    from raglab.lesson import recording

    try:
        return recording.record(notebook, target)
    except CellExecutionError as error:
        raise TargetError(
            f"{notebook.name} was not recorded: {error}", "mend the cell and record again"
        ) from error
