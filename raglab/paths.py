"""Where things lie: the checkout this package was installed from, and the one folder the lab writes to."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import platformdirs

CHECKOUT = Path(__file__).resolve().parent.parent
NOTEBOOKS = CHECKOUT / "notebooks"
SERVICES = Path(__file__).resolve().parent / "services"


def home() -> Path:
    """The state folder: ``$RAGLAB_HOME``, or ``raglab`` in the user's data directory. Created with mode 0700."""
    chosen = os.environ.get("RAGLAB_HOME") or platformdirs.user_data_path("raglab")
    folder = Path(chosen).expanduser().absolute()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def models() -> Path:
    """Prepared model files: ``$RAGLAB_MODELS``, or ``models`` in the state folder."""
    chosen = os.environ.get("RAGLAB_MODELS")
    return Path(chosen).absolute() if chosen else home() / "models"


def programs() -> Path:
    """The folder with kubectl, helm and jupyter: the one this Python runs from."""
    return Path(sys.executable).parent
