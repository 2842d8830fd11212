"""The kubeconfig file: the only thing a client needs to know about a cluster. Written here for ours, read for others.

Format: Kubernetes documentation, "Organizing Cluster Access Using kubeconfig Files".
"""

from __future__ import annotations

import base64
import binascii
import ssl
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from raglab.pocket.files import write_private
from raglab.pocket.pki import Pki


class KubeconfigError(Exception):
    """The file cannot be used; the message says why."""


@dataclass(frozen=True)
class Access:
    """An API server and who asks. `server` is its URL, `authority` the certificate (PEM) that signs the server's."""

    server: str
    trust: ssl.SSLContext
    authority: str
    token: Callable[[], str]
    server_name: str | None = None
    """The name in the server's certificate, where it is not that of the URL."""

    def headers(self) -> dict[str, str]:
        """What proves to the server who asks, unless a certificate does."""
        token = self.token()
        return {"Authorization": f"Bearer {token}"} if token else {}


def read(path: Path) -> Access:
    """The cluster and user of the file's current context. Raises `KubeconfigError`."""
    try:
        raw = yaml.safe_load(path.read_text())
        chosen = _named(raw, "contexts", raw.get("current-context", ""))["context"]
        cluster = _named(raw, "clusters", chosen["cluster"])["cluster"]
        user = _named(raw, "users", chosen["user"])["user"] or {}
        return _access(cluster, user, path.parent)
    except OSError as error:
        raise KubeconfigError(f"{error.filename or path}: {error.strerror}") from error
    except (yaml.YAMLError, AttributeError, KeyError, TypeError, binascii.Error, ssl.SSLError) as error:
        raise KubeconfigError(f"{path} is no kubeconfig that could be used: {error!r}") from error


def _named(raw: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any]:
    for entry in raw.get(kind) or ():
        if entry["name"] == name:
            found: Mapping[str, Any] = entry
            return found
    raise KubeconfigError(f"the kubeconfig has no entry {name!r} among its {kind}")


def _access(cluster: Mapping[str, Any], user: Mapping[str, Any], folder: Path) -> Access:
    for way in ("exec", "auth-provider"):
        if way in user:
            text = f"the kubeconfig's user proves who it is by {way!r}, which is not supported"
            raise KubeconfigError(f"{text}; a kubeconfig with a certificate or token is")
    authority = (_content(cluster, "certificate-authority", folder) or b"").decode("ascii", "replace")
    trust = ssl.create_default_context(cadata=authority or None)
    # Many clusters' authorities lack what newer Pythons ask for.
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if cluster.get("insecure-skip-tls-verify"):
        trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
    _show(trust, _content(user, "client-certificate", folder), _content(user, "client-key", folder))
    file, token = user.get("tokenFile"), user.get("token", "")
    read_token = (lambda: (folder / file).read_text().strip()) if file else (lambda: token)
    server = cluster["server"].rstrip("/")
    return Access(server, trust, authority, read_token, cluster.get("tls-server-name"))


def _content(entry: Mapping[str, Any], name: str, folder: Path) -> bytes | None:
    """A part that stands in the file itself, or in another one beside it."""
    if data := entry.get(f"{name}-data"):
        return base64.b64decode(data)
    return (folder / entry[name]).read_bytes() if entry.get(name) else None


def _show(trust: ssl.SSLContext, certificate: bytes | None, key: bytes | None) -> None:
    """Let connections show a client certificate. Python loads one from a file only."""
    if certificate is None or key is None:
        return
    with tempfile.NamedTemporaryFile() as file:  # readable by us alone
        file.write(certificate + b"\n" + key)
        file.flush()
        trust.load_cert_chain(file.name)


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
