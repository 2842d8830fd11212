"""The kubeconfig file: the only thing a client needs to know about the cluster."""

from __future__ import annotations

import base64
from pathlib import Path

import yaml

from raglab.pocket.files import write_private
from raglab.pocket.pki import Pki


def write(path: Path, *, server: str, context: str, pki: Pki, namespace: str = "default") -> None:
    """Write a file (0600) whose one context points at `server` (a URL), as the administrator.

    Certificates are inside the file, so it works from any folder and can be copied into a notebook's environment.
    """
    data = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": context,
        "clusters": [{"name": context, "cluster": {"server": server, **_inline(pki, authority="ca.crt")}}],
        "users": [
            {"name": context, "user": _inline(pki, client_certificate="admin.crt", client_key="admin.key")}
        ],
        "contexts": [
            {"name": context, "context": {"cluster": context, "user": context, "namespace": namespace}},
        ],
    }
    write_private(path, yaml.safe_dump(data, sort_keys=False).encode())


def _inline(pki: Pki, **parts: str) -> dict[str, str]:
    names = {"authority": "certificate-authority-data"}
    return {
        names.get(part, part.replace("_", "-") + "-data"): base64.b64encode(
            (pki.folder / file).read_bytes()
        ).decode()
        for part, file in parts.items()
    }
