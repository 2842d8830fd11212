"""A node on this machine for a cluster that runs elsewhere: its name, addresses and settings."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from raglab import paths
from raglab.pocket import joining, kubeconfig
from raglab.pocket.config import Settings
from raglab.pocket.errors import StatusError
from raglab.pocket.joining import NameTaken
from raglab.pocket.kubeconfig import KubeconfigError
from raglab.targets.base import Report, TargetError
from raglab.targets.network import LAST, Network
from raglab.targets.pocket import Pocket

LABELS = {"type": "virtual-kubelet"}
"""What nodes without a kubelet of their own are called by convention."""
TAINT = {"key": "virtual-kubelet.io/provider", "value": "raglab", "effect": "NoSchedule"}
"""Keeps pods away that did not ask for such a node, by the same convention."""


def run(config: Path, settings: Settings, report: Report) -> None:
    """Be a node of the cluster behind a kubeconfig until Ctrl-C. Raises `TargetError`."""
    name = settings.node_name
    try:
        asyncio.run(joining.run(settings, kubeconfig.read(config), report))
    except KubeconfigError as error:
        raise TargetError(str(error), "kubectl config view --minify --flatten > FILE") from error
    except NameTaken as error:
        raise TargetError(f"{error}.", f"raglab node --name another-{name}") from error
    except StatusError as error:
        raise TargetError(
            f"The cluster refused: {error}", f"kubectl --kubeconfig {config} get nodes"
        ) from error


def settings(name: str, **more: Any) -> Settings:
    """Those of the lab's own node, with other addresses and without its devices. Raises `TargetError`."""
    _check_name(name)
    state = paths.home() / "nodes" / name
    network = _network(state)
    own = replace(Pocket().settings(), state=state, node_name=name, devices={}, guest=True)
    return replace(own, node_ip=network.node_ip, pod_cidr=network.pod_cidr, **more)


def _check_name(name: str) -> None:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?", name):
        what = f"{name!r} is no name for a node: small letters, digits, - and . are allowed."
        raise TargetError(what, "raglab node --name my-node")


def _network(state: Path) -> Network:
    """The addresses that this node had before, else free ones from the end: labs choose from the beginning."""
    kept = state / "network"
    if kept.exists():
        return Network(int(kept.read_text()))
    network = next(one for one in map(Network, range(LAST, 0, -1)) if not one.in_use())
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept.write_text(str(network.number))
    return network
