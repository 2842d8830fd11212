"""The ``raglab`` command: start and stop the lab, look at it, run its lessons and its tests."""

from __future__ import annotations

import sys

import click
from rich.console import Console

from raglab import __version__
from raglab.cli import cluster, course
from raglab.targets import TargetError

err = Console(stderr=True, highlight=False)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Learn to run RAG in production on Kubernetes with GPUs, on your own machine.

    Start with: raglab lab
    """


for command in (*cluster.COMMANDS, *course.COMMANDS):
    cli.add_command(command)


def main() -> None:
    """Entry point; expected failures become one message with the next step, never a traceback."""
    try:
        cli(standalone_mode=False)
    except TargetError as error:
        err.print(f"[red]✗[/red] {error.what}\n  [bold]Next:[/bold] {error.remedy}")
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        err.print("\nStopped. Run the same command again to go on.")
        sys.exit(130)
