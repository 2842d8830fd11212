"""What must be true before a pocket cluster starts: its addresses are free and its files are ones it can read."""

from __future__ import annotations

import os
import time
from pathlib import Path

from raglab.pocket import store
from raglab.targets.base import Report, TargetError
from raglab.targets.network import LAST, Network, can_bind

NODE_PORTS = (30001, 30005, 30006, 30080, 30081, 30089, 30090, 30181, 30432, 31091)
"""Ports on the node that the lessons' charts ask for."""
LEFTOVER_LIMIT = 10.0  # seconds that the guardian of a killed cluster gets to end its pods


def wanted() -> Network | None:
    """The network that ``$RAGLAB_NETWORK`` asks for."""
    text = os.environ.get("RAGLAB_NETWORK", "")
    try:
        return Network(int(text)) if text else None
    except ValueError:
        raise TargetError(
            f"RAGLAB_NETWORK is {text!r}, not a number from 0 to {LAST}.", "unset RAGLAB_NETWORK"
        ) from None


def prepare(state: Path, kept: Network | None, crashed: bool, report: Report) -> None:
    """Raise `TargetError` with the way out if the cluster in `state` cannot start now.

    `kept` are the addresses it was made with. Pods of a `crashed` cluster may still be ending; they are waited for.
    """
    _check_format(state / "store.sqlite")
    _check_number(kept)
    network = kept or wanted() or Network()
    if crashed:
        _wait_for_leftovers(network)
    _check_addresses(network, kept)
    _free_api_port(state / "run" / "port", report)


def free_number() -> int:
    """The lowest number whose addresses nobody uses; 0 is left to labs that did not choose."""
    numbers = range(1, LAST + 1)
    return next(n for n in numbers if not Network(n).in_use() and not Network(n).taken_ports(NODE_PORTS))


def _check_format(database: Path) -> None:
    if not database.exists():
        return
    try:
        store.Store(database).close()
    except store.UnknownFormat as error:
        raise TargetError(
            f"This cluster was made by another version of raglab ({error}).",
            "raglab reset, which makes a new one, or go back to that version",
        ) from error
    except store.Damaged as error:
        raise TargetError(f"{error}.", "raglab reset, which throws the cluster away") from error


def _check_number(kept: Network | None) -> None:
    asked = wanted()
    if kept and asked and kept != asked:
        raise TargetError(
            f"RAGLAB_NETWORK is {asked.number}, but this cluster was made with {kept.number}.",
            "unset RAGLAB_NETWORK, or raglab reset to make a new cluster",
        )


def _wait_for_leftovers(network: Network) -> None:
    deadline = time.monotonic() + LEFTOVER_LIMIT
    while network.in_use() and time.monotonic() < deadline:
        time.sleep(0.05)


def _check_addresses(network: Network, kept: Network | None) -> None:
    if used := network.in_use():
        what = f"Another lab on this machine uses the same addresses ({used[0]} is in use)."
    elif taken := network.taken_ports(NODE_PORTS):
        what = f"Port {taken[0]} on {network.node_ip} is in use by another program."
    else:
        return
    move = f"RAGLAB_NETWORK={free_number()} raglab up"
    ways = f"end the other one, or throw this cluster away and move: raglab reset; {move}" if kept else move
    raise TargetError(what, ways)


def _free_api_port(kept: Path, report: Report) -> None:
    """Forget the API's port if another program has taken it meanwhile: the kubeconfig is written anew anyway."""
    try:
        port = int(kept.read_text())
    except FileNotFoundError:
        return
    except ValueError:
        port = 0
    if not port or not can_bind("127.0.0.1", port):
        kept.unlink()
        report(f"Port {port} is taken by another program: the API moves to a new one")
