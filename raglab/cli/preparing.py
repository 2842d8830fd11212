"""What is made once on each machine before the first start: model files and compiled schemas."""

from __future__ import annotations

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from raglab import paths
from raglab.cli.screen import out, working
from raglab.pocket.kinds.schema import Schemas
from raglab.services import models
from raglab.targets import Pocket, TargetError

COLUMNS = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())


def prepare() -> None:
    """Make what is missing and show progress; costs a moment when all is there. Raises `TargetError`."""
    if models.check(paths.models()):
        _models()
    if not any(Pocket.schema_cache().glob("*.json")):
        with working("Compiling the Kubernetes schemas"):
            Schemas.load(Pocket.schema_cache())


def _models() -> None:
    if not out.is_terminal:
        out.print("Preparing the models (once; half a minute) …")
    with Progress(*COLUMNS, console=out, transient=True, disable=not out.is_terminal) as progress:
        task = progress.add_task("Preparing the models", total=1.0)
        try:
            models.prepare(
                paths.models(), lambda what, share: progress.update(task, description=what, completed=share)
            )
        except models.ModelError as error:
            raise TargetError(str(error), "make clean lab") from error
