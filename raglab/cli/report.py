"""`raglab report`: a learner's page, or the table of a class."""

from __future__ import annotations

from pathlib import Path

import click

from raglab import paths
from raglab.cli.screen import done
from raglab.lesson import classroom, manifest, progress
from raglab.lesson import report as pages
from raglab.pocket.files import write_private
from raglab.targets import TargetError


@click.command()
@click.option("--name", help="What the page calls you (default: $RAGLAB_LEARNER, or your user name).")
@click.option(
    "--class", "folder", type=click.Path(path_type=Path), help="Make the table of the class in this folder."
)
@click.option("--to", type=click.Path(path_type=Path), help="File to write (default: in the lab's folder).")
def report(name: str | None, folder: Path | None, to: Path | None) -> None:
    """Write a page about the checks you have passed; with --class, a table of all learners of a class.

    Pages are files: open them in a browser, print them, send them. Learners join a class by setting RAGLAB_CLASS to a
    folder that they can write and the instructor can read; nothing is shared otherwise.

    \b
    raglab report --name "Ada Lovelace"
    raglab report --class /srv/class --to class.html      and class.csv for a spreadsheet
    """
    if folder is None:
        _learner(name or classroom.learner(), to or paths.home() / "report.html")
    else:
        _class(folder, to or paths.home() / "class.html")


def _learner(name: str, to: Path) -> None:
    who = pages.learner(name, progress.load(), manifest.load().values())
    write_private(to.absolute(), pages.certificate(who).encode())
    done(f"{who.passed} of {who.total} checks passed: {to}")


def _class(folder: Path, to: Path) -> None:
    lessons = list(manifest.load().values())
    learners = [pages.learner(found["learner"], found, lessons) for found in classroom.shared(folder)]
    if not learners:
        raise TargetError(
            f"No learner has shared progress in {folder}.",
            "learners set RAGLAB_CLASS to it before raglab lab",
        )
    write_private(to.absolute(), pages.class_page(learners, lessons).encode())
    write_private(to.absolute().with_suffix(".csv"), pages.class_csv(learners, lessons).encode())
    done(f"{len(learners)} learners: {to}, and as {to.with_suffix('.csv').name}")
