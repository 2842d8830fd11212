"""``raglab status``: one screen that says what runs, where it answers, and what is simulated."""

from __future__ import annotations

import json
import os
import subprocess
from typing import Any

from rich.console import Console
from rich.table import Table

from raglab.gpus.inventory import RESOURCE
from raglab.targets import Target


def _items(target: Target, *what: str) -> list[dict[str, Any]]:
    command = ["kubectl", "get", *what, "-o", "json", "--request-timeout=10s"]
    environment = os.environ | target.environment()
    result = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=30, check=True)
    return json.loads(result.stdout)["items"]


def _ready(pod: dict[str, Any]) -> str:
    states = pod["status"].get("containerStatuses", [])
    return f"{sum(state['ready'] for state in states)}/{len(pod['spec']['containers'])}"


def _gpus(pods: list[dict[str, Any]]) -> int:
    """GPUs held by pods that have not ended."""
    live = [
        p for p in pods if p["spec"].get("nodeName") and p["status"].get("phase") in ("Pending", "Running")
    ]
    limits = [c.get("resources", {}).get("limits", {}) for pod in live for c in pod["spec"]["containers"]]
    return sum(int(limit.get(RESOURCE, 0)) for limit in limits)


def pods_table(pods: list[dict[str, Any]]) -> Table:
    """Every pod with readiness, phase, IP and GPUs."""
    table = Table("Namespace", "Pod", "Ready", "Phase", "IP", "GPUs", box=None, header_style="bold")
    for pod in pods:
        meta, state = pod["metadata"], pod["status"]
        gpus = str(_gpus([pod]) or "")
        table.add_row(
            meta["namespace"], meta["name"], _ready(pod), state.get("phase"), state.get("podIP", ""), gpus
        )
    return table


def services_table(target: Target, services: list[dict[str, Any]]) -> Table:
    """Every Service that answers outside the cluster."""
    table = Table("Service", "Port", "Address", box=None, header_style="bold")
    for service in services:
        for port in service["spec"].get("ports", []):
            if "nodePort" in port:
                address = f"{target.node_address()}:{port['nodePort']}"
                table.add_row(
                    f"{service['metadata']['namespace']}/{service['metadata']['name']}",
                    port.get("name"),
                    address,
                )
    return table


def show(target: Target, out: Console) -> None:
    """Print the screen; says how to start when nothing runs."""
    if not target.is_up():
        out.print(f"The {target.name} cluster is not running. Start it with: raglab up")
        return
    nodes = _items(target, "nodes")
    pods, services = _items(target, "pods", "-A"), _items(target, "services", "-A")
    allocatable = sum(int(node["status"]["allocatable"].get(RESOURCE, 0)) for node in nodes)
    names = ", ".join(f"{n['metadata']['name']} ({n['status']['nodeInfo']['kubeletVersion']})" for n in nodes)
    out.print(f"[bold]Target[/bold]      {target.name}\n[bold]Node[/bold]        {names}")
    out.print(f"[bold]Kubeconfig[/bold]  {target.kubeconfig()}")
    label = " (simulated)" if target.simulated else ""
    out.print(f"[bold]GPUs[/bold]        {_gpus(pods)} of {allocatable} in use{label}\n")
    out.print(pods_table(pods) if pods else "No pods yet: open lesson 03, or run the Helm commands it shows.")
    if any("nodePort" in port for service in services for port in service["spec"].get("ports", [])):
        out.print()
        out.print(services_table(target, services))
    for phrase in target.simulated:
        out.print(f"[dim]simulated: {phrase}[/dim]")
