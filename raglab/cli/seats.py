"""``raglab seat``: a place for one learner on a server that many share.

A seat is a folder: a copy of the lessons and of what they use, a state folder, and a script that starts the lab with
addresses and ports of its own. Packages, models and Prometheus are those of the installation that made it.
"""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path

import click

from raglab import paths
from raglab.cli.screen import done, out
from raglab.services.prometheus import install
from raglab.targets import TargetError
from raglab.targets.network import LAST, Network

COPIED = (
    "notebooks",
    "kubernetes-config",
    "data",
    "figures",
    "locust",
    "raglab",
    "requirements.txt",
    "README.md",
)
"""What lessons read and learners change; 6 MB."""
FIRST_PORT = 8900
"""JupyterLab of seat N listens on this plus N."""
SCRIPT = """#!/bin/sh
# The lab of seat {number}, made by `raglab seat`. Without arguments it opens JupyterLab; all else is for raglab.
{variables}
export RAGLAB_LEARNER="${{RAGLAB_LEARNER:-seat-{number}}}"
exec {python} -m raglab.cli "${{@:-lab}}"
"""


def port(number: int) -> int:
    """Where JupyterLab of a seat listens, on 127.0.0.1."""
    return FIRST_PORT + number


def make(number: int, folder: Path) -> Path:
    """Make seat `number` in `folder`, which must not exist; returns its script. Raises `TargetError`."""
    try:
        Network(number)
        folder.mkdir(mode=0o700, parents=True)
    except ValueError as error:
        raise TargetError(
            f"{error}.", f"choose one from 1 to {LAST}; 0 is the lab without a number"
        ) from None
    except FileExistsError:
        raise TargetError(f"{folder} is there already.", f"{folder / 'lab'}, or another folder") from None
    for name in COPIED:
        _copy(paths.CHECKOUT / name, folder / name)
    script = folder / "lab"
    script.write_text(_script(number, folder))
    script.chmod(0o700)
    return script


def _copy(origin: Path, target: Path) -> None:
    if origin.is_dir():
        shutil.copytree(origin, target, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    else:
        shutil.copy(origin, target)


def _script(number: int, folder: Path) -> str:
    variables = {
        "RAGLAB_HOME": folder / "state",
        "RAGLAB_NETWORK": number,
        "RAGLAB_MODELS": paths.models(),
        "RAGLAB_PROMETHEUS": install.place(paths.home()),
        "JUPYTER_PORT": port(number),
        "JUPYTER_PORT_RETRIES": 0,
        "PYTHONPATH": folder,
        "NO_BROWSER": 1,
    }
    lines = [f"export {name}={shlex.quote(str(value))}" for name, value in variables.items()]
    return SCRIPT.format(number=number, variables="\n".join(lines), python=shlex.quote(sys.executable))


@click.command()
@click.argument("number", type=int)
@click.argument("folder", type=click.Path(path_type=Path))
def seat(number: int, folder: Path) -> None:
    """Make a place for one learner on a shared server, with addresses of its own.

    NUMBER is from 1 to 85 and different for each learner; FOLDER must not exist yet.

    \b
    raglab seat 7 ~/raglab
    ~/raglab/lab               JupyterLab at port 8907 of this machine's loopback
    ~/raglab/lab status
    """
    script = make(number, folder.absolute())
    done(f"Seat {number} is in {folder}, NodePorts at {Network(number).node_ip}")
    out.print(f"  Start it:       {script}", soft_wrap=True, markup=False)
    tunnel = f"ssh -N -L {port(number)}:127.0.0.1:{port(number)} THIS-SERVER"
    out.print(f"  From a laptop:  {tunnel}, then open the address it prints", soft_wrap=True, markup=False)
