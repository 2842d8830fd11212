"""Commands that only look: status, doctor, env, kubeconfig, nvidia-smi."""

from __future__ import annotations

import os
import shlex
import sys

import click

from raglab.cli.screen import err, out
from raglab.targets import current


@click.command()
def status() -> None:
    """Show the cluster, its pods and addresses, the GPUs, and what is simulated."""
    from raglab.cli.status import show  # takes as long to load as all the rest

    show(current(), out)


@click.command()
def doctor() -> None:
    """Check this machine: one line per point, OK or FAIL with the fix. Exit code 1 if any point fails."""
    from raglab.cli.doctor import run

    if not run(out):
        raise SystemExit(1)


@click.command()
def env() -> None:
    """Print shell commands that point kubectl and helm at the lab.

    \b
    eval "$(raglab env)"      for this shell; your ~/.kube/config is not touched
    """
    for name, value in current().environment().items():
        if os.environ.get(name) != value:
            click.echo(f"export {name}={shlex.quote(value)}")
    if sys.stdout.isatty():
        err.print('[dim]# These lines do nothing yet. Run: eval "$(raglab env)"[/dim]')


@click.command()
def kubeconfig() -> None:
    """Print the path of the lab's kubeconfig.

    \b
    kubectl --kubeconfig "$(raglab kubeconfig)" get nodes
    """
    path = current().kubeconfig()
    click.echo(path)
    if not path.exists():
        err.print("It does not exist yet: raglab up writes it")


@click.command(
    "nvidia-smi",
    context_settings={
        "ignore_unknown_options": True,
        "allow_extra_args": True,
        "help_option_names": ["--help"],
    },
)
@click.pass_context
def nvidia_smi(context: click.Context) -> None:
    """Show the node's GPUs as NVIDIA's tool does: its own on a real cluster, the simulated ones on pocket.

    \b
    raglab nvidia-smi topo -m
    raglab nvidia-smi dmon -c 5
    """
    raise SystemExit(current().nvidia_smi(context.args))
