"""The environment of a container, in the kubelet's order.

Later wins: what every process gets, the image's, the variables of Services (``enableServiceLinks``), ``envFrom``, then
``env`` with ``$(NAME)`` replaced by variables already defined. Nothing is inherited from the cluster's own process.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from raglab.pocket.client import Client, Object
from raglab.pocket.node import sources
from raglab.pocket.node.sources import MissingSource, PodFacts

PYTHON_BIN = Path(sys.prefix) / "bin"
"""Last on every search path, so that ``python`` in a pod is the one with the lab's packages."""
_REFERENCE = re.compile(r"\$(\$|\(([^()]*)\))")


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replace ``$(NAME)`` where NAME is known; ``$$(NAME)`` stands for itself, an unknown NAME stays as it is."""

    def replacement(match: re.Match[str]) -> str:
        return "$" if match[1] == "$" else values.get(match[2], match[0])

    return _REFERENCE.sub(replacement, text)


def base(path: Iterable[str], package_root: Path, ip: str, host_name: str) -> dict[str, str]:
    """What every process in a pod finds."""
    return {
        "PATH": ":".join(path),
        "LANG": "C.UTF-8",
        "HOME": "/root" if os.geteuid() == 0 else "/home",
        "TMPDIR": "/tmp",
        "HOSTNAME": host_name,
        "PYTHONPATH": str(package_root),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONUNBUFFERED": "1",
        "POD_IP": ip,
    }


def service_links(services: Iterable[Object], namespace: str, links: bool) -> dict[str, str]:
    """``WEB_SERVICE_HOST`` and its relatives for the Services of the pod's namespace, unless it wants no `links`.

    The ``kubernetes`` Service of namespace ``default`` is told to every pod.
    """
    found: dict[str, str] = {}
    for service in services:
        place, name = service["metadata"]["namespace"], service["metadata"]["name"]
        is_api = (place, name) == ("default", "kubernetes")
        if service["spec"].get("clusterIP", "") in ("", "None") or not (
            is_api or (links and place == namespace)
        ):
            continue
        found |= _links(name.upper().replace("-", "_"), service["spec"])
    return found


def api_address(slices: Iterable[Object], service_works: bool) -> dict[str, str]:
    """Where the API is to be found if its Service cannot be served: port 443 needs root on most machines.

    Empty where `service_works`; otherwise the two variables that in-cluster clients read, with the API's own address.
    """
    if service_works:
        return {}
    for piece in slices:
        meta = piece["metadata"]
        if (meta["namespace"], meta["name"]) == ("default", "kubernetes") and piece.get("endpoints"):
            address, port = piece["endpoints"][0]["addresses"][0], piece["ports"][0]["port"]
            return {"KUBERNETES_SERVICE_HOST": address, "KUBERNETES_SERVICE_PORT": str(port)}
    return {}


def _links(prefix: str, spec: Mapping[str, Any]) -> dict[str, str]:
    """The variables of one Service: Kubernetes' own, and the older ones of Docker links."""
    ip, ports = spec["clusterIP"], spec.get("ports") or []
    if not ports:
        return {}
    first = ports[0]
    found = {f"{prefix}_SERVICE_HOST": ip, f"{prefix}_SERVICE_PORT": str(first["port"])}
    for port in ports:
        if port.get("name"):
            found[f"{prefix}_SERVICE_PORT_{port['name'].upper().replace('-', '_')}"] = str(port["port"])
    found[f"{prefix}_PORT"] = f"{first.get('protocol', 'TCP').lower()}://{ip}:{first['port']}"
    for port in ports:
        protocol = port.get("protocol", "TCP")
        link = f"{prefix}_PORT_{port['port']}_{protocol}"
        found |= {
            link: f"{protocol.lower()}://{ip}:{port['port']}",
            f"{link}_PROTO": protocol.lower(),
            f"{link}_PORT": str(port["port"]),
            f"{link}_ADDR": ip,
        }
    return found


async def of_container(
    client: Client, container: Mapping[str, Any], facts: PodFacts, start: Mapping[str, str]
) -> dict[str, str]:
    """`start` plus the container's ``envFrom`` and ``env``; `MissingSource` if one of them cannot be had."""
    found = dict(start)
    namespace = facts.pod["metadata"]["namespace"]
    for entry in container.get("envFrom") or ():
        found |= await _env_from(client, namespace, entry)
    for entry in container.get("env") or ():
        if (value := await _value(client, entry, facts, container["name"], found)) is not None:
            found[entry["name"]] = value
    return found


async def _env_from(client: Client, namespace: str, entry: Mapping[str, Any]) -> dict[str, str]:
    resource, reference = ("configmaps", entry.get("configMapRef")) if "configMapRef" in entry else (
        "secrets", entry.get("secretRef"))  # fmt: skip
    if reference is None:
        return {}
    values = await sources.read(
        client, resource, namespace, reference["name"], reference.get("optional", False)
    )
    prefix = entry.get("prefix", "")
    return {prefix + key: value.decode(errors="surrogateescape") for key, value in values.items()}


async def _value(
    client: Client, entry: Mapping[str, Any], facts: PodFacts, container: str, known: Mapping[str, str]
) -> str | None:
    origin = entry.get("valueFrom")
    if not origin:
        return expand(entry.get("value", ""), known)
    if reference := origin.get("fieldRef"):
        return facts.field(reference["fieldPath"])
    if reference := origin.get("resourceFieldRef"):
        return facts.resource(reference, container)
    if reference := origin.get("configMapKeyRef"):
        return await _key(client, "configmaps", "ConfigMap", facts, reference)
    if reference := origin.get("secretKeyRef"):
        return await _key(client, "secrets", "Secret", facts, reference)
    raise MissingSource(
        f"env variable {entry['name']}: this kind of valueFrom is not part of the pocket cluster"
    )


async def _key(
    client: Client, resource: str, kind: str, facts: PodFacts, reference: Mapping[str, Any]
) -> str | None:
    namespace, optional = facts.pod["metadata"]["namespace"], reference.get("optional", False)
    values = await sources.read(client, resource, namespace, reference["name"], optional)
    if (value := values.get(reference["key"])) is not None:
        return value.decode(errors="surrogateescape")
    if optional:
        return None
    raise MissingSource(f"couldn't find key {reference['key']} in {kind} {namespace}/{reference['name']}")
