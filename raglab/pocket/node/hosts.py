"""The hosts file of a pod: cluster names without a DNS server.

Every Service is listed in all its forms (``name`` within the namespace, ``name.ns``, ``name.ns.svc``,
``name.ns.svc.cluster.local``), headless ones with the addresses of their ready pods, and pods of a headless Service
by their own name too (``pgvector-0.pgvector.ns``…). Every program that asks the system's resolver can use them.

A bind-mounted file shows changes made in place, but not a new file of the same name: hence `rewrite`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from raglab.pocket.client import Object
from raglab.pocket.informer import Key, key_of

DOMAIN = "cluster.local"
SERVICE_LABEL = "kubernetes.io/service-name"
ETC_FILES = ("hosts", "hostname", "passwd", "group", "nsswitch.conf", "resolv.conf")
"""Files in /etc that are a pod's own."""


def render(pod: Object, ip: str, services: Iterable[Object], slices: Iterable[Object]) -> str:
    """Text of the hosts file of `pod`, whose address is `ip`."""
    namespace = pod["metadata"]["namespace"]
    lines = ["# Written by the pocket cluster: cluster names as this pod sees them", "127.0.0.1\tlocalhost"]
    lines += [
        f"{alias['ip']}\t{' '.join(alias['hostnames'])}" for alias in pod["spec"].get("hostAliases", [])
    ]
    lines.append("\t".join([ip, *_own_names(pod)]))
    by_service: dict[Key, list[Object]] = {}
    for piece in slices:
        owner = (piece["metadata"]["namespace"], piece["metadata"].get("labels", {}).get(SERVICE_LABEL, ""))
        by_service.setdefault(owner, []).append(piece)
    for service in sorted(services, key=key_of):
        lines += _lines(service, by_service.get(key_of(service), []), namespace)
    return "\n".join(lines) + "\n"


def host_name(pod: Object) -> str:
    """What ``hostname`` prints in the pod: at most 63 characters."""
    return (pod["spec"].get("hostname") or pod["metadata"]["name"])[:63].rstrip("-.")


def static_files(pod: Object) -> dict[str, str]:
    """The other files of `ETC_FILES`: who is who inside, and where names are looked up.

    The users are root, nobody, and the one the lab runs as; none of the machine's accounts is shown.
    """
    uid, gid = os.geteuid(), os.getegid()
    own = f"user:x:{uid}:{gid}::/home:/bin/sh\n" if uid not in (0, 65534) else ""
    own_group = f"user:x:{gid}:\n" if gid not in (0, 65534) else ""
    return {
        "hostname": f"{host_name(pod)}\n",
        "passwd": f"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n{own}",
        "group": f"root:x:0:\nnogroup:x:65534:\n{own_group}",
        "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
        "resolv.conf": _resolver(),
    }


def _resolver() -> str:
    """The machine's name servers, for names outside the cluster; asked once and briefly, as there may be no network."""
    file = Path("/etc/resolv.conf")
    lines = file.read_text(errors="replace").splitlines() if file.exists() else []
    servers = [line for line in lines if line.startswith("nameserver")]
    return "\n".join([*servers, "options timeout:1 attempts:1"]) + "\n"


def _own_names(pod: Object) -> list[str]:
    name, subdomain = host_name(pod), pod["spec"].get("subdomain")
    return [f"{name}.{subdomain}.{pod['metadata']['namespace']}.svc.{DOMAIN}", name] if subdomain else [name]


def _forms(name: str, namespace: str, viewer: str) -> list[str]:
    """All names of a Service (or of ``pod.service``), shortest last, as a resolver prints the first one."""
    forms = [f"{name}.{namespace}.svc.{DOMAIN}", f"{name}.{namespace}.svc", f"{name}.{namespace}"]
    return [*forms, name] if namespace == viewer else forms


def _lines(service: Object, slices: list[Object], viewer: str) -> list[str]:
    namespace, name = key_of(service)
    names = _forms(name, namespace, viewer)
    cluster_ip = service["spec"].get("clusterIP", "")
    if cluster_ip not in ("", "None"):
        return ["\t".join([cluster_ip, *names])]
    lines = []
    for endpoint in (endpoint for piece in slices for endpoint in piece.get("endpoints") or ()):
        if endpoint.get("conditions", {}).get("ready") is False:
            continue
        own = _forms(f"{endpoint['hostname']}.{name}", namespace, viewer) if endpoint.get("hostname") else []
        lines += ["\t".join([address, *own, *names]) for address in endpoint["addresses"]]
    return lines


def rewrite(file: Path, text: str) -> None:
    """Replace the content of `file` in place, in one write, if it differs."""
    data = text.encode()
    if file.exists() and file.read_bytes() == data:
        return
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644)
    try:
        os.pwrite(descriptor, data, 0)
        os.ftruncate(descriptor, len(data))
        os.fchmod(descriptor, 0o644)  # programs in pods may run as another user
    finally:
        os.close(descriptor)
