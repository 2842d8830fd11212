"""Commands that start and stop: up, down, reset, setup."""

from __future__ import annotations

import click

from raglab import paths
from raglab.cli import jupyter
from raglab.cli.preparing import prepare
from raglab.cli.screen import done, working
from raglab.targets import Pocket, Target, TargetError, current


def start(target: Target) -> None:
    """Prepare what is missing and start the cluster."""
    if isinstance(target, Pocket):
        prepare()
    with working("Starting the cluster"):
        target.up(done)


def stop(target: Target) -> None:
    """End the cluster. Its pods may take their grace period."""
    with working("Ending the cluster and its pods"):
        target.down(done)


@click.command()
def up() -> None:
    """Start the cluster; harmless when it runs already.

    Ctrl-C takes it down again. Several labs can share a machine when each has a number of its own, from 0
    (the default) to 85, which chooses its loopback addresses. A cluster keeps the number it was made with.

    \b
    raglab up
    RAGLAB_NETWORK=7 raglab up      a second lab; its NodePorts answer at 127.0.7.1
    """
    start(current())


@click.command()
def down() -> None:
    """End every process of the lab, JupyterLab included; what you deployed is kept."""
    if jupyter.server() is not None:
        with working("Ending JupyterLab"):
            jupyter.stop()
        done("JupyterLab has ended")
    stop(current())


@click.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(yes: bool) -> None:
    """Throw the pocket cluster away, with everything deployed on it."""
    target = current()
    if not isinstance(target, Pocket):
        raise TargetError("Only the pocket cluster can be reset.", "kubectl delete namespace rag-sample")
    if not yes:
        click.confirm("Delete the pocket cluster, its volumes and all progress?", abort=True)
    with working("Deleting the cluster"):
        target.reset()
    (paths.home() / "progress.json").unlink(missing_ok=True)
    done("The pocket cluster is gone; `raglab up` makes a new one")


@click.command()
def setup() -> None:
    """Prepare models, Prometheus and schemas now, so that the first start is as fast as later ones (half a minute)."""
    prepare(again=True)
    done("Models and schemas are ready")
