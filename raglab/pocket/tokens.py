"""ServiceAccount tokens: who a pod is, signed with the cluster's key.

The form is a JSON Web Token with HMAC-SHA256: the API server is the only one that verifies them, so no public key
is needed. A token names the account's uid, so it dies with the account even when one of that name is made again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Any

import orjson

ISSUER = "https://kubernetes.default.svc.cluster.local"
_HEADER = {"alg": "HS256", "typ": "JWT"}


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Whom a token stands for."""

    namespace: str
    name: str
    uid: str


class TokenSigner:
    """Issues and verifies tokens with one secret key."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(
        self, account: ServiceAccount, *, now: float, seconds: int, audiences: tuple[str, ...] = (ISSUER,)
    ) -> str:
        """A token that is valid from `now` (seconds since the epoch) for so many seconds."""
        claims = {
            "iss": ISSUER,
            "sub": f"system:serviceaccount:{account.namespace}:{account.name}",
            "aud": list(audiences),
            "iat": int(now),
            "exp": int(now) + seconds,
            "kubernetes.io": {
                "namespace": account.namespace,
                "serviceaccount": {"name": account.name, "uid": account.uid},
            },
        }
        signed = f"{_encode(_HEADER)}.{_encode(claims)}"
        return f"{signed}.{self._signature(signed)}"

    def verify(self, token: str, *, now: float) -> ServiceAccount | None:
        """Whom `token` stands for; None when it is not ours, altered, expired or for another audience."""
        signed, _, signature = token.rpartition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(signed).encode()):
            return None
        claims = _decode(signed.partition(".")[2])
        if claims["exp"] <= now or ISSUER not in claims["aud"]:
            return None
        owner = claims["kubernetes.io"]
        return ServiceAccount(
            owner["namespace"], owner["serviceaccount"]["name"], owner["serviceaccount"]["uid"]
        )

    def _signature(self, signed: str) -> str:
        return _text(hmac.digest(self._key, signed.encode(), hashlib.sha256))


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _encode(part: dict[str, Any]) -> str:
    return _text(orjson.dumps(part))


def _decode(part: str) -> dict[str, Any]:
    claims: dict[str, Any] = orjson.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims
