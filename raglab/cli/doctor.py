"""``raglab doctor``: what the lab needs of this machine, each point with its fix."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable

import psutil
from rich.console import Console

from raglab import paths
from raglab.pocket.node import isolation
from raglab.services import models
from raglab.targets import Target

Finding = tuple[bool, str, str]
"""Passed or not; what was found; what to do if not."""

NODE_PORTS = (30005, 30080, 30081, 30432)


def python(target: Target) -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return (
        sys.version_info >= (3, 11),
        f"Python {version}",
        "Install Python 3.11 or newer, then: make clean lab",
    )


def disk(target: Target) -> Finding:
    free = shutil.disk_usage(paths.home()).free / 1e9
    return free > 1, f"{free:.1f} GB of disk free", "Free at least 1 GB"


def memory(target: Target) -> Finding:
    free = psutil.virtual_memory().available / 1e9
    return free > 2, f"{free:.1f} GB of memory available", "Close other programs: the lab needs 2 GB"


def write_access(target: Target) -> Finding:
    home = paths.home()
    return os.access(home, os.W_OK), f"state folder {home}", "Set RAGLAB_HOME to a folder you may write to"


def binaries(target: Target) -> Finding:
    for command in (["kubectl", "version", "--client"], ["helm", "version", "--short"]):
        program = shutil.which(command[0], path=target.environment()["PATH"])
        if program is None or subprocess.run([program, *command[1:]], capture_output=True).returncode:
            return False, f"{command[0]} does not run", "Install again: make clean lab"
    return True, "kubectl and helm run", ""


def model_files(target: Target) -> Finding:
    missing = models.check(paths.models())
    return not missing, "models prepared" if not missing else f"models: {missing[0]}", "Run: raglab setup"


def ports(target: Target) -> Finding:
    if target.is_up():
        return True, "node ports (the cluster is running)", ""
    taken = [port for port in NODE_PORTS if not _can_bind(port)]
    return (
        not taken,
        f"node ports free{'' if not taken else f' except {taken}'}",
        "End the programs that use them",
    )


def _can_bind(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def pod_isolation(target: Target) -> Finding:
    mode = isolation.choose().name
    note = "" if mode == "bubblewrap" else " (works; see README, section on limits)"
    return True, f"pods are separated by {mode}{note}", ""


def kubeconfig(target: Target) -> Finding:
    chosen = os.environ.get("KUBECONFIG", str(target.kubeconfig()))
    right = chosen == str(target.kubeconfig())
    return right, f"KUBECONFIG {'is the lab’s own' if right else chosen}", 'Run: eval "$(raglab env)"'


CHECKS: tuple[Callable[[Target], Finding], ...] = (
    python, disk, memory, write_access, binaries, model_files, ports, pod_isolation, kubeconfig,
)  # fmt: skip


def run(target: Target, out: Console) -> bool:
    """Print every finding; True when all passed."""
    findings = [check(target) for check in CHECKS]
    for passed, found, fix in findings:
        out.print(
            f"[green]OK  [/green] {found}"
            if passed
            else f"[red]FAIL[/red] {found}\n     [bold]Fix:[/bold] {fix}"
        )
    return all(passed for passed, _, _ in findings)
