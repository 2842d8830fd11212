"""Who may ask: the API server, which passes on the requests of users it knows.

It shows a client certificate; the authority behind it and the name in it stand in the ConfigMap
``kube-system/extension-apiserver-authentication`` (Kubernetes documentation, "Configure the aggregation layer"). The
original also knows users by certificate and token of their own; here everybody goes through the API server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from raglab.services.addons.extension.errors import forbidden

NAMESPACE, NAME = "kube-system", "extension-apiserver-authentication"
PUBLIC = frozenset({"/healthz", "/livez", "/readyz"})
"""For probes, which show no certificate."""


@dataclass(frozen=True)
class Callers:
    """The authority (PEM) that signs the API server's certificate, and the names it may carry; none means any."""

    authority: str
    names: frozenset[str]

    @classmethod
    def from_config_map(cls, data: Mapping[str, str]) -> Callers:
        """From the ConfigMap's entries; `KeyError` or `ValueError` where it is not what it should be."""
        names = json.loads(data["requestheader-allowed-names"])
        return cls(data["requestheader-client-ca-file"], frozenset(names))

    def may_ask(self, certificate: Mapping[str, object] | None) -> bool:
        """Whether a checked client certificate, as `ssl.SSLSocket.getpeercert` gives it, is the API server's."""
        if not certificate:
            return False
        return not self.names or not self.names.isdisjoint(_common_names(certificate))


def _common_names(certificate: Mapping[str, object]) -> set[str]:
    subject = certificate.get("subject", ())
    assert isinstance(subject, tuple)
    return {value for part in subject for key, value in part if key == "commonName"}


def only(callers: Callers) -> Middleware:
    """Middleware that refuses everybody else."""

    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        shown = request.transport.get_extra_info("peercert") if request.transport else None
        if request.path not in PUBLIC and not callers.may_ask(shown):
            raise forbidden(request.path)
        return await handler(request)

    return check
