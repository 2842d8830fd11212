"""``raglab doctor``: what the lab needs of this machine, each point with its fix."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import NamedTuple

import psutil
from rich.console import Console
from rich.markup import escape

from raglab import paths
from raglab.bootstrap import NEWEST, OLDEST
from raglab.pocket.node import isolation
from raglab.services import models
from raglab.services.prometheus import install
from raglab.targets import Pocket, TargetError, current
from raglab.targets.network import can_bind
from raglab.targets.room import NODE_PORTS, free_number

DISK_GB = 1.0
MEMORY_GB = 2.0
"""What the three charts of lesson 03 and JupyterLab use together, with some air."""
INSTALL_AGAIN = "make clean lab"


class Finding(NamedTuple):
    """One line: passed or not; what was found; what to do if it did not pass."""

    passed: bool
    found: str
    fix: str = ""


def system() -> Finding:
    fix = "Use Linux, or WSL 2 on Windows: pods need addresses of their own in 127.0.0.0/8"
    return Finding(can_bind("127.10.255.254", 0), f"{os.uname().sysname}, loopback addresses for pods", fix)


def python() -> Finding:
    fix = "Install one of these, then: make clean lab PYTHON=python3.12"
    oldest, newest = (".".join(map(str, version)) for version in (OLDEST, NEWEST))
    found = f"Python {'.'.join(map(str, sys.version_info[:3]))} ({oldest} to {newest} work)"
    return Finding(OLDEST <= sys.version_info[:2] <= NEWEST, found, fix)


def packages() -> Finding:
    lines = (paths.CHECKOUT / "requirements.txt").read_text().splitlines()
    pins = {match[1]: match[2] for line in lines if (match := re.match(r"([\w.-]+)==(\S+)", line))}
    wrong = [name for name, version in pins.items() if _installed(name) != version]
    found = f"{len(pins)} packages as in requirements.txt"
    return Finding(not wrong, f"{found}, except {', '.join(wrong[:3])}" if wrong else found, "make lab")


def _installed(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def binaries() -> Finding:
    commands = (("kubectl", "version", "--client"), ("helm", "version", "--short"))
    for name, *arguments in commands:
        try:
            subprocess.run(
                [str(paths.programs() / name), *arguments], capture_output=True, timeout=30, check=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            return Finding(False, f"{name} does not run: {error}", INSTALL_AGAIN)
    return Finding(True, "kubectl and helm run")


def write_access() -> Finding:
    home = paths.home()
    allowed = os.access(home, os.W_OK | os.X_OK)
    return Finding(allowed, f"state folder {home}", "Set RAGLAB_HOME to a folder you may write to")


def disk() -> Finding:
    free = shutil.disk_usage(paths.home()).free / 1e9
    return Finding(free > DISK_GB, f"{free:.1f} GB of disk free", f"Free at least {DISK_GB:.0f} GB")


def memory() -> Finding:
    free = psutil.virtual_memory().available / 1e9
    return Finding(
        free > MEMORY_GB,
        f"{free:.1f} GB of memory available",
        f"Close other programs: the lab needs {MEMORY_GB:.0f} GB",
    )


def model_files() -> Finding:
    missing = models.check(paths.models())
    return Finding(not missing, f"models: {missing[0]}" if missing else "models are whole", "raglab setup")


def prometheus() -> Finding:
    missing = install.check(install.place(paths.home()))
    return Finding(not missing, missing or "Prometheus runs", f"raglab setup. {install.HELP}")


def ports() -> Finding:
    """The lab's own cluster may use its addresses; nobody else may."""
    target = Pocket()
    network = target.network()
    what = f"network {network.number}: pods {network.pod_cidr}, NodePorts at {network.node_ip}"
    if target.daemon.process() is not None:
        return Finding(True, f"{what} (the cluster is running)")
    if not (used := network.in_use() + [f"{network.node_ip}:{p}" for p in network.taken_ports(NODE_PORTS)]):
        return Finding(True, f"{what}, all free")
    fix = f"End the program that listens there, or take other addresses: RAGLAB_NETWORK={free_number()}"
    return Finding(False, f"{what}, but {used[0]} is in use", fix)


def pod_isolation() -> Finding:
    mode = isolation.choose().name
    note = "" if mode == "bubblewrap" else " (works, with limits: see the README)"
    return Finding(True, f"pods are separated by {mode}{note}")


def kubeconfig() -> Finding:
    """Another KUBECONFIG is no fault: notebooks and raglab set their own."""
    own, chosen = str(current().kubeconfig()), os.environ.get("KUBECONFIG")
    if chosen == own:
        return Finding(True, "kubectl in this shell talks to the lab")
    other = "your own KUBECONFIG" if chosen else "~/.kube/config"
    return Finding(True, f'kubectl in this shell uses {other}; for the lab: eval "$(raglab env)"')


CHECKS: tuple[Callable[[], Finding], ...] = (
    system, python, packages, binaries, write_access, disk, memory, model_files, prometheus, ports, pod_isolation,
    kubeconfig,
)  # fmt: skip


def run(out: Console) -> bool:
    """Print every finding; True when all passed."""
    results = []
    for check in CHECKS:
        finding = _look(check)
        word = "[green]OK  [/green]" if finding.passed else "[red]FAIL[/red]"
        out.print(f"{word} {escape(finding.found)}", soft_wrap=True)
        if not finding.passed:
            out.print(f"     [bold]Fix:[/bold] {escape(finding.fix)}", soft_wrap=True)
        results.append(finding.passed)
    return all(results)


def _look(check: Callable[[], Finding]) -> Finding:
    """A check that cannot even look has failed, too."""
    name = check.__name__.replace("_", " ")
    try:
        return check()
    except TargetError as error:
        return Finding(False, f"{name}: {error.what}", error.remedy)
    except OSError as error:
        return Finding(False, f"{name}: {error}", "Set RAGLAB_HOME to a folder you may write to")
