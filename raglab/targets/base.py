"""What a target is: a cluster behind a kubeconfig, plus the few facts that differ between clusters."""

from __future__ import annotations

import os
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from raglab import paths

if TYPE_CHECKING:
    from raglab.pocket.restoring import Lives
    from raglab.targets.snapshots import Snapshots

Report = Callable[[str], None]
"""Receives one line per step, for the learner to see."""


class TargetError(Exception):
    """Something a person must put right. `remedy` is the command or action to try next."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(what)
        self.what, self.remedy = what, remedy


class Target(ABC):
    """A cluster the lessons can run on."""

    name: str
    simulated: tuple[str, ...] = ()
    """What is stood in for on this target, one phrase each; empty where everything is real."""

    @abstractmethod
    def kubeconfig(self) -> Path:
        """The kubeconfig that kubectl, helm and the Python client use."""

    @abstractmethod
    def node_address(self) -> str:
        """Where NodePorts answer (what ``minikube ip`` prints)."""

    @abstractmethod
    def is_up(self) -> bool:
        """Whether the API server answers."""

    @abstractmethod
    def up(self, report: Report) -> None:
        """Make the cluster answer; raises `TargetError`. Doing it twice is harmless."""

    @abstractmethod
    def down(self, report: Report) -> None:
        """End every process this target started. What was deployed is kept."""

    def snapshots(self) -> Snapshots | None:
        """Where states of this cluster can be kept and put back; None on a target that cannot."""
        return None

    def awaited(self) -> Lives:
        """Pods that were ready when the cluster ended and will be again once it is up, with other containers."""
        return {}

    def audit_log(self) -> Path | None:
        """The file that says who asked the API for what; None where there is none, or it is the cluster's own."""
        return None

    def stands_in(self, image: str) -> str:
        """What a pod with this image only simulates, in a phrase; empty where the image is the real thing."""
        return ""

    @abstractmethod
    def charts(self) -> dict[str, str]:
        """Variables with the addresses of upstream chart repositories, for ``helm repo add NAME "$CHARTS_…"``."""

    def nvidia_smi(self, arguments: Sequence[str]) -> int:
        """Show the GPUs of the cluster's node with the machine's own tool; returns its exit code."""
        program = shutil.which("nvidia-smi")
        if program is None:
            raise TargetError(
                "There is no nvidia-smi on this machine.",
                "kubectl exec POD -- nvidia-smi, in a pod with a GPU",
            )
        return subprocess.run([program, *arguments]).returncode

    def values(self) -> Path:
        """Folder with this target's Helm values, one file per chart."""
        return paths.CHECKOUT / "kubernetes-config" / "values" / self.name

    def environment(self) -> dict[str, str]:
        """Variables for a shell or notebook on this target. Nothing points outside the state folder."""
        home = paths.home()
        path = [str(paths.programs()), *os.environ.get("PATH", "/usr/bin:/bin").split(":")]
        address = self.node_address()
        return {
            "RAGLAB_TARGET": self.name,
            "RAGLAB_HOME": str(home),
            "KUBECONFIG": str(self.kubeconfig()),
            "KUBECACHEDIR": str(home / "cache" / "kube"),
            "HELM_CONFIG_HOME": str(home / "helm" / self.name / "config"),
            "HELM_CACHE_HOME": str(home / "cache" / "helm" / self.name),
            "HELM_DATA_HOME": str(home / "helm" / self.name / "data"),
            "NO_PROXY": _without_proxy("NO_PROXY", address),
            "no_proxy": _without_proxy("no_proxy", address),
            "NODE_ADDRESS": address,
            "VALUES": str(self.values()),
            "PATH": ":".join(dict.fromkeys(path)),
            **self.charts(),
        }


def _without_proxy(variable: str, address: str) -> str:
    """The user's own exceptions, this machine and the node."""
    own = [item for item in os.environ.get(variable, "").split(",") if item]
    return ",".join(dict.fromkeys([*own, "127.0.0.1", "localhost", address]))
