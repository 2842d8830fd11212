"""The Kubernetes API as programs in pods reach it.

Address, token and certificate are where every pod finds them (Kubernetes documentation, "Accessing the Kubernetes API
from a Pod"). Where pods have no file system of their own, ``POD_ROOT`` names the folder their mounts lie in. `Access`
serves any client; `Api` is one that needs nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlencode

SERVICE_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
LIMIT = 10.0
"""Seconds that an answer may take."""


class ApiError(Exception):
    """The API refused or gave no answer; `code` is the HTTP status, 0 without one."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def mounted(path: str, environ: Mapping[str, str] = os.environ) -> Path:
    """Where a mount of this pod lies for its programs."""
    return Path(environ.get("POD_ROOT", "/"), path.lstrip("/"))


@dataclass(frozen=True)
class Access:
    """Where the API is, and the folder with the files that prove who asks."""

    url: str
    account: Path

    @classmethod
    def in_cluster(cls, environ: Mapping[str, str] = os.environ) -> Access:
        """Raises `ApiError` outside a pod, and in a pod without a service account's token.

        ``SERVICE_ACCOUNT`` names another folder than the usual one.
        """
        account = Path(environ.get("SERVICE_ACCOUNT") or mounted(SERVICE_ACCOUNT, environ))
        try:
            host, port = environ["KUBERNETES_SERVICE_HOST"], environ["KUBERNETES_SERVICE_PORT"]
        except KeyError as error:
            raise ApiError(0, f"this is no pod of a cluster: {error.args[0]} is not set") from None
        if not (account / "token").exists():
            raise ApiError(0, f"this pod has no service account: {account}/token is not there")
        return cls(f"https://{host}:{port}", account)

    def token(self) -> str:
        """Read it for each request: Kubernetes renews it."""
        return (self.account / "token").read_text().strip()

    def trust(self) -> ssl.SSLContext:
        """Accepts the API's own certificate only."""
        return ssl.create_default_context(cafile=str(self.account / "ca.crt"))

    @property
    def namespace(self) -> str:
        """The pod's own namespace."""
        return (self.account / "namespace").read_text()


class Api:
    """Requests with the pod's service account. Paths are the API's, such as ``/api/v1/nodes``."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        """Raises `ApiError` where `Access.in_cluster` does."""
        self._access = Access.in_cluster(environ)
        direct = urllib.request.ProxyHandler({})  # no proxy leads to the cluster
        secure = urllib.request.HTTPSHandler(context=self._access.trust())
        self._open = urllib.request.build_opener(direct, secure).open

    @property
    def namespace(self) -> str:
        """The pod's own namespace."""
        return self._access.namespace

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """An object or a list; raises `ApiError`."""
        return self._ask("GET", f"{path}?{urlencode(query)}" if query else path)

    def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """A new object in the collection at `path`; raises `ApiError`."""
        return self._ask("POST", path, body, "application/json")

    def patch(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Change an object by merge patch (RFC 7386); raises `ApiError`."""
        return self._ask("PATCH", path, body, "application/merge-patch+json")

    def delete(self, path: str) -> dict[str, Any]:
        """Delete an object; raises `ApiError`."""
        return self._ask("DELETE", path)

    def wait(self, path: str, version: str, seconds: int) -> None:
        """Return when something in the list at `path` has changed since `version`, or after `seconds`."""
        query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": str(seconds)}
        with self._send("GET", f"{path}?{urlencode(query)}", limit=seconds + LIMIT) as events:
            events.readline()

    def _ask(
        self, verb: str, path: str, body: Mapping[str, Any] | None = None, kind: str = ""
    ) -> dict[str, Any]:
        with self._send(verb, path, body, kind) as answer:
            found: dict[str, Any] = json.load(answer)
            return found

    @contextmanager
    def _send(
        self,
        verb: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        kind: str = "",
        limit: float = LIMIT,
    ) -> Iterator[IO[bytes]]:
        headers = {"Authorization": f"Bearer {self._access.token()}"} | (
            {"Content-Type": kind} if kind else {}
        )
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._access.url + path, data, headers, method=verb)
        try:
            with self._open(request, timeout=limit) as answer:
                yield answer
        except urllib.error.HTTPError as error:
            raise ApiError(error.code, _message(error)) from error
        except OSError as error:
            raise ApiError(0, f"{self._access.url} gives no answer: {error}") from error


def _message(error: urllib.error.HTTPError) -> str:
    """The API's own words, where it has any."""
    try:
        return str(json.load(error)["message"])
    except (ValueError, KeyError, TypeError, OSError):
        return str(error)
