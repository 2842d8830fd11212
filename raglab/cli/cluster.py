"""Commands about the cluster: setup, up, status, down, reset, doctor, env, kubeconfig."""

from __future__ import annotations

import os
import shlex
import shutil

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from raglab import paths
from raglab.cli import doctor as checks
from raglab.cli import status as view
from raglab.services import models
from raglab.targets import TargetError, current

out = Console(highlight=False)


def prepare_models() -> None:
    """Make the model files, once, with a progress bar."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("Preparing the models", total=1.0)
        models.prepare(
            paths.models(), lambda what, share: progress.update(task, description=what, completed=share)
        )


@click.command()
def setup() -> None:
    """Prepare the models (once; half a minute)."""
    prepare_models()
    out.print("[green]✓[/green] The models are ready")


@click.command()
def up() -> None:
    """Start the cluster; harmless when it runs already."""
    target = current()
    if target.name == "pocket":
        prepare_models()
    with out.status("Starting the cluster"):
        target.up(lambda line: out.print(f"[green]✓[/green] {line}"))


@click.command()
def down() -> None:
    """End every process of the lab; what you deployed is kept."""
    with out.status("Stopping"):
        current().down(lambda line: out.print(f"[green]✓[/green] {line}"))


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """Throw the pocket cluster away, with everything deployed on it."""
    target = current()
    if target.name != "pocket":
        raise TargetError(
            "Only the pocket cluster can be reset.", "On a real cluster: kubectl delete namespace …"
        )
    if not yes:
        click.confirm("Delete the pocket cluster, its volumes and all progress?", abort=True)
    target.down(lambda line: None)
    shutil.rmtree(paths.home() / "pocket", ignore_errors=True)
    shutil.rmtree(paths.home() / "cache" / "kube", ignore_errors=True)
    (paths.home() / "progress.json").unlink(missing_ok=True)
    out.print("[green]✓[/green] The pocket cluster is gone; `raglab up` makes a new one")


@click.command()
def status() -> None:
    """Show the cluster, its pods and addresses, the GPUs, and what is simulated."""
    view.show(current(), out)


@click.command()
def doctor() -> None:
    """Check this machine: one line per point, OK or FAIL with the fix."""
    if not checks.run(current(), out):
        raise SystemExit(1)


@click.command()
def env() -> None:
    """Print shell commands that point kubectl and helm at the lab: eval "$(raglab env)"."""
    for name, value in current().environment().items():
        if os.environ.get(name) != value:
            click.echo(f"export {name}={shlex.quote(value)}")


@click.command()
def kubeconfig() -> None:
    """Print the path of the lab's kubeconfig."""
    click.echo(current().kubeconfig())


COMMANDS = (setup, up, status, down, reset, doctor, env, kubeconfig)
