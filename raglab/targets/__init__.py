"""Targets: the clusters a lesson can run on. A notebook never asks which one it is."""

from __future__ import annotations

import os

from raglab.targets.base import Target, TargetError
from raglab.targets.minikube import Minikube
from raglab.targets.pocket import Pocket

__all__ = ["Minikube", "Pocket", "Target", "TargetError", "current"]


def current() -> Target:
    """The target named by ``$RAGLAB_TARGET`` (default: pocket)."""
    name = os.environ.get("RAGLAB_TARGET", "pocket")
    for target in (Pocket, Minikube):
        if target.name == name:
            return target()
    raise TargetError(f"There is no target called {name!r}.", "Set RAGLAB_TARGET to pocket or minikube.")
