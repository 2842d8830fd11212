"""What is made once on each machine before the first start: model files, Prometheus and compiled schemas."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from raglab import paths
from raglab.cli.screen import out, working
from raglab.pocket.kinds.schema import Schemas
from raglab.services import models
from raglab.services.prometheus import install
from raglab.targets import Pocket, TargetError

COLUMNS = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())


def prepare(again: bool = False) -> None:
    """Make what is missing and show progress; costs a moment when all is there. Raises `TargetError`.

    Without Prometheus most lessons work, so its lack is only told; it is tried `again` when somebody asks.
    """
    if models.check(paths.models()):
        _models()
    place = install.place(paths.home())
    if not install.is_current(place):
        _prometheus(again or not install.problem(place))
    if not any(Pocket.schema_cache().glob("*.json")):
        with working("Compiling the Kubernetes schemas"):
            Schemas.load(Pocket.schema_cache())


def _models() -> None:
    with _progress("Preparing the models", "once; half a minute") as report:
        try:
            models.prepare(paths.models(), report)
        except models.ModelError as error:
            raise TargetError(str(error), "make clean lab") from error


def _prometheus(attempt: bool) -> None:
    place = install.place(paths.home())
    try:
        if attempt:
            with _progress("Fetching Prometheus", "once; 34 MB to load, 170 MB of disk") as report:
                install.prepare(place, report)
            return
    except install.PrometheusError as error:
        out.print(f"[yellow]![/yellow] {escape(str(error))}", soft_wrap=True)
    out.print("  There is no Prometheus, which only the monitoring and scaling lessons need.", soft_wrap=True)
    out.print(f"  [bold]Then:[/bold] raglab setup, or: {escape(install.HELP)}", soft_wrap=True)


@contextmanager
def _progress(what: str, cost: str) -> Iterator[Callable[[str, float], None]]:
    """A bar on a terminal, a line in a log; yields what takes a line for people and the finished share."""
    if not out.is_terminal:
        out.print(f"{what} ({cost}) …")
    with Progress(*COLUMNS, console=out, transient=True, disable=not out.is_terminal) as progress:
        task = progress.add_task(what, total=1.0)
        yield lambda line, share: progress.update(task, description=line, completed=share)
