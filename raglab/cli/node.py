"""The command that lends this machine to another cluster as a node."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import click

from raglab.cli.screen import done
from raglab.targets import joined


def _own_name() -> str:
    return f"raglab-{socket.gethostname().partition('.')[0].lower()}"[:63].strip("-")


def _labels(context: click.Context, parameter: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    for item in given:
        if "=" not in item:
            raise click.BadParameter(f"{item!r} is not of the form KEY=VALUE")
    return dict(item.split("=", 1) for item in given)


@click.command()
@click.option(
    "--kubeconfig", required=True, type=click.Path(path_type=Path), help="How to reach the cluster."
)
@click.option("--name", default=_own_name, show_default="raglab-HOSTNAME", help="Name of the node.")
@click.option(
    "--label", "labels", multiple=True, callback=_labels, metavar="KEY=VALUE", help="Label of the node."
)
@click.option("--no-taint", is_flag=True, help="Take pods that do not tolerate a virtual node, too.")
@click.option(
    "--lease", default=40, show_default=True, metavar="SECONDS", help="How long a sign of life holds."
)
@click.option("--verbose", is_flag=True, help="Show the node's own log.")
def node(
    kubeconfig: Path, name: str, labels: dict[str, str], no_taint: bool, lease: int, verbose: bool
) -> None:
    """Be a node of another cluster: run its pods here, as processes.

    Runs until Ctrl-C, which drains the node and removes it; a second Ctrl-C does not wait for pods. Pods need a
    toleration for virtual-kubelet.io/provider, unless the node is made with --no-taint.

    \b
    raglab node --kubeconfig "$(raglab kubeconfig)" --name second --label zone=b
    """
    level = logging.INFO if verbose else logging.ERROR
    logging.basicConfig(level=level, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    taints = () if no_taint else (joined.TAINT,)
    settings = joined.settings(
        name, node_labels=joined.LABELS | labels, node_taints=taints, node_lease_seconds=lease
    )
    joined.run(kubeconfig, settings, done)
