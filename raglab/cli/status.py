"""``raglab status``: one screen that says what runs, where it answers, and what is simulated."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from raglab import paths
from raglab.gpus.inventory import RESOURCE
from raglab.lesson import sections
from raglab.targets import Target, TargetError

Object = dict[str, Any]
COMMAND_LIMIT = 10  # seconds; kubectl itself would ask again and again
WIDE = 1000  # columns


def objects(target: Target) -> dict[str, list[Object]]:
    """Nodes, pods and Services by kind, in one request. Raises `TargetError`."""
    kubectl = str(paths.programs() / "kubectl")
    command = [kubectl, "get", "nodes,pods,services", "-A", "-o", "json"]
    environment = os.environ | target.environment()
    try:
        result = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=COMMAND_LIMIT
        )
    except subprocess.TimeoutExpired:
        raise TargetError("The cluster gives no answer.", "raglab down, then: raglab up") from None
    if result.returncode:
        raise TargetError(
            result.stderr.strip().splitlines()[-1], "raglab doctor, or: raglab down && raglab up"
        )
    found: dict[str, list[Object]] = {"Node": [], "Pod": [], "Service": []}
    for item in json.loads(result.stdout)["items"]:
        found[item["kind"]].append(item)
    return found


def state(pod: Object) -> str:
    """What ``kubectl get pods`` shows as status: why a container waits or ended, else the phase."""
    if "deletionTimestamp" in pod["metadata"]:
        return "Terminating"
    status = pod["status"]
    containers = [*status.get("initContainerStatuses", []), *status.get("containerStatuses", [])]
    phase = str(status.get("reason") or status.get("phase", "Unknown"))
    for container in containers:
        for condition in ("waiting", "terminated"):
            reason = container.get("state", {}).get(condition, {}).get("reason")
            if reason and (reason != "Completed" or phase == "Succeeded"):
                return str(reason)
    return phase


def is_ready(pod: Object) -> bool:
    """Whether the pod serves, or has done its work."""
    conditions = pod["status"].get("conditions", [])
    serves = any(item["type"] == "Ready" and item["status"] == "True" for item in conditions)
    return serves or pod["status"].get("phase") == "Succeeded"


def gpus(pods: list[Object]) -> int:
    """GPUs held by pods that have a node and have not ended."""
    live = [
        p for p in pods if p["spec"].get("nodeName") and p["status"].get("phase") in ("Pending", "Running")
    ]
    limits = [c.get("resources", {}).get("limits", {}) for pod in live for c in pod["spec"]["containers"]]
    return sum(int(limit.get(RESOURCE, 0)) for limit in limits)


def pods_table(pods: list[Object]) -> Table:
    """Every pod with readiness, state, IP and GPUs."""
    table = Table(
        "Namespace", "Pod", "Ready", "Status", "IP", "GPUs", box=None, header_style="bold", pad_edge=False
    )
    for pod in pods:
        meta, containers = pod["metadata"], pod["status"].get("containerStatuses", [])
        ready = f"{sum(c['ready'] for c in containers)}/{len(pod['spec']['containers'])}"
        colour = "green" if is_ready(pod) else "yellow"
        ip, held = pod["status"].get("podIP", ""), str(gpus([pod]) or "")
        table.add_row(meta["namespace"], meta["name"], ready, f"[{colour}]{state(pod)}[/]", ip, held)
    return table


def services_table(address: str, services: list[Object]) -> Table:
    """Every Service that answers outside the cluster."""
    table = Table("Service", "Port", "Address", box=None, header_style="bold", pad_edge=False)
    for service in services:
        name = f"{service['metadata']['namespace']}/{service['metadata']['name']}"
        for port in service["spec"].get("ports", []):
            if "nodePort" in port:
                label = port.get("name") or str(port["port"])
                table.add_row(name, label, f"{address}:{port['nodePort']}")
    return table


def show(target: Target, out: Console) -> None:
    """Print the screen; says how to start when nothing runs."""
    if not target.is_up():
        out.print(f"The {target.name} cluster is not running. Start it with: raglab up")
        return
    found = objects(target)
    nodes, pods, services = found["Node"], found["Pod"], found["Service"]
    allocatable = sum(int(node["status"]["allocatable"].get(RESOURCE, 0)) for node in nodes)
    names = ", ".join(f"{n['metadata']['name']} ({n['status']['nodeInfo']['kubeletVersion']})" for n in nodes)
    label = " (simulated)" if target.simulated else ""
    for heading, text in (
        ("Target", target.name),
        ("Node", f"{names} at {target.node_address()}"),
        ("Kubeconfig", str(target.kubeconfig())),
        ("Audit log", str(target.audit_log() or "none")),
        ("GPUs", f"{gpus(pods)} of {allocatable} in use{label}"),
        ("Undo to", _places(target)),
    ):
        out.print(f"[bold]{heading:11}[/bold] {escape(text)}", soft_wrap=True)
    out.print()
    if pods:
        _print_whole(pods_table(pods), out)
    else:
        out.print("No pods yet: open lesson 03, or run the Helm commands it shows.")
    outside = services_table(target.node_address(), services)
    if outside.row_count:
        out.print()
        _print_whole(outside, out)
    _notes(target, pods, out)


def _places(target: Target) -> str:
    """Where `undo` can go back to, and what all snapshots take on the disk."""
    if (snapshots := target.snapshots()) is None:
        return "nowhere: this target takes no snapshots"
    found = ", ".join(sections.places(snapshots)) or "nowhere: no lesson was started"
    return f"{found}   (all snapshots: {snapshots.size() / 1e6:.0f} MB)"


def _print_whole(table: Table, out: Console) -> None:
    """As kubectl prints: a narrow terminal breaks lines, but names stay whole and can be copied."""
    Console(file=out.file, width=WIDE, force_terminal=out.is_terminal, highlight=False).print(table)


def _notes(target: Target, pods: list[Object], out: Console) -> None:
    """The next step for the first pod that is not ready, and everything that is simulated."""
    waiting = [pod["metadata"] for pod in pods if not is_ready(pod)]
    out.print()
    if waiting:
        command = f"kubectl describe pod {waiting[0]['name']} -n {waiting[0]['namespace']}"
        out.print(f"{len(waiting)} not ready. Next: {command}", soft_wrap=True)
    images = {container["image"] for pod in pods for container in pod["spec"]["containers"]}
    phrases = sorted({phrase for image in images if (phrase := target.stands_in(image))})
    for phrase in dict.fromkeys([*target.simulated, *phrases]):
        out.print(f"[dim]simulated: {escape(phrase)}[/dim]")
