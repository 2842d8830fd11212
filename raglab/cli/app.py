"""All commands together, and what a person reads when one of them fails."""

from __future__ import annotations

from importlib import import_module

import click
from rich.markup import escape

from raglab import __version__
from raglab.cli.screen import err
from raglab.targets import TargetError

COMMANDS = {
    "lab": "course.lab",
    "check": "course.check",
    "report": "report.report",
    "up": "cluster.up",
    "down": "cluster.down",
    "reset": "cluster.reset",
    "setup": "cluster.setup",
    "status": "inspection.status",
    "doctor": "inspection.doctor",
    "env": "inspection.env",
    "kubeconfig": "inspection.kubeconfig",
    "nvidia-smi": "inspection.nvidia_smi",
    "models": "models.group",
    "node": "node.node",
    "seat": "seats.seat",
    "test": "course.test",
    "record": "course.record",
}
"""Where each command is, in the order in which people need them."""


class Lazy(click.Group):
    """Imports the module of the command that is asked for and no other, which makes each three times as quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name].partition(".")
        command: click.Command = getattr(import_module(f"raglab.cli.{module}"), attribute)
        return command


@click.group(cls=Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def cli() -> None:
    """Learn to run RAG in production on Kubernetes with GPUs, on your own machine.

    \b
    Start with:   raglab lab                  the course in JupyterLab
    or, without:  raglab up                   the cluster alone
                  eval "$(raglab env)"        kubectl and helm now talk to it
                  raglab status
                  raglab down

    \b
    RAGLAB_HOME     folder for everything the lab writes (default: in your data directory)
    RAGLAB_TARGET   pocket (default), or minikube for the cluster of your KUBECONFIG
    RAGLAB_NETWORK  0 to 85: own addresses, so that several labs can share a machine
    RAGLAB_LEARNER, RAGLAB_CLASS   your name, and a folder in which your instructor may see your progress
    RAGLAB_PROMETHEUS   release archive or folder, where Debian's packages of it cannot be fetched
    """


def run() -> int:
    """The exit code. Expected failures become one message with the next step, never a traceback."""
    try:
        result = cli(standalone_mode=False)
        return result if isinstance(result, int) else 0
    except TargetError as error:
        return _failed(error.what, error.remedy)
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        return _failed(f"{error.strerror or error}{where}", "raglab doctor")
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        raise KeyboardInterrupt from None


def _failed(what: str, remedy: str) -> int:
    err.print(f"[red]✗[/red] {escape(what)}\n  [bold]Next:[/bold] {escape(remedy)}", soft_wrap=True)
    return 1
