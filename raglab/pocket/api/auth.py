"""Who is asking, and may they: the first two steps of every request.

The administrator shows a client certificate of the cluster's authority or a bearer token; a pod shows its
ServiceAccount's token. Wrong credentials are refused (401); who shows none is ``system:anonymous``, who may read the
health pages and ``/version``, which clients ask before they have credentials, and nothing else.

The administrator may do everything; a ServiceAccount may do what roles allow (`roles`).
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from raglab.pocket.api.roles import Roles, allows
from raglab.pocket.api.routing import Target
from raglab.pocket.errors import StatusError, forbidden, not_implemented
from raglab.pocket.kinds.catalogue import Kind
from raglab.pocket.pki import ADMIN_GROUP
from raglab.pocket.tokens import ServiceAccount, TokenSigner

AUTHENTICATED, UNAUTHENTICATED = "system:authenticated", "system:unauthenticated"
ANONYMOUS = "system:anonymous"
OPEN_PATHS = frozenset({"healthz", "livez", "readyz", "version"})
"""First path segments that are answered without credentials."""


@dataclass(frozen=True, slots=True)
class User:
    """Whoever sent a request."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = (AUTHENTICATED,)
    extra: dict[str, list[str]] = field(default_factory=dict)

    @property
    def is_admin(self) -> bool:
        return ADMIN_GROUP in self.groups

    @property
    def is_known(self) -> bool:
        return AUTHENTICATED in self.groups


@dataclass(frozen=True, slots=True)
class Credentials:
    """What the server compares with. `accounts` tells the uid of a ServiceAccount that exists, else None."""

    admin: str
    token: str
    signer: TokenSigner
    accounts: Callable[[ServiceAccount], str | None]


def refuse_foreign_pages(request: web.Request, names: frozenset[str]) -> None:
    """Refuse requests that a web page in the learner's browser could have sent.

    A page may make a browser ask any address (or rebind its own name to 127.0.0.1); then the Host header or the
    Origin header is foreign. The Python client's WebSockets name the server itself as the origin, and pages that came
    through ``kubectl proxy`` this machine: both are fine.
    """
    if not _is_here(request.headers.get("Host", ""), names):
        raise forbidden("this server does not answer for that Host header")
    origin = request.headers.get("Origin")
    if origin is not None and not _is_here(origin.partition("://")[2], names):
        raise forbidden("this server does not answer web pages of another origin")


def _is_here(host: str, names: frozenset[str]) -> bool:
    """Whether a host, with or without a port, is this server's machine."""
    return host.rsplit(":", 1)[0].strip("[]") in names or host.strip("[]") in names


def authenticate(request: web.Request, credentials: Credentials, now: float) -> User:
    """The user behind a request, `ANONYMOUS` without credentials; 401 for wrong ones.

    A certificate is looked at first, and a token beside it not at all, as by a real API server.
    """
    user = _by_certificate(request) or _by_token(request, credentials, now)
    return user or User(ANONYMOUS, groups=(UNAUTHENTICATED,))


def impersonated(request: web.Request, user: User, roles: Roles) -> User:
    """The user that `user` asks to be (``kubectl --as``); `user` itself where nobody is named.

    Roles decide: the verb ``impersonate`` on users, groups and ServiceAccounts by name. 403 where they do not allow it.
    """
    asked = {header.lower() for header in request.headers if header.lower().startswith("impersonate-")}
    if not asked:
        return user
    if not {"impersonate-user"} <= asked <= {"impersonate-user", "impersonate-group"}:
        raise not_implemented("impersonation needs a user (--as), and knows of a user and groups only")
    name, groups = request.headers["Impersonate-User"], request.headers.getall("Impersonate-Group", [])
    wanted = [("groups", "", group) for group in groups]
    match name.split(":"):
        case ["system", "serviceaccount", namespace, account]:
            wanted.insert(0, ("serviceaccounts", namespace, account))
            groups = groups or [*_account_groups(namespace)]
        case _:
            wanted.insert(0, ("users", "", name))
    for plural, namespace, one in wanted:
        authorize(
            user,
            Target("impersonate", Kind("", "v1", "", plural, "", bool(namespace)), namespace, one),
            roles,
        )
    return User(name, groups=(*groups, AUTHENTICATED))


def _by_token(request: web.Request, credentials: Credentials, now: float) -> User | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if not scheme:
        return None
    if scheme.lower() == "bearer":
        if hmac.compare_digest(token.strip().encode(), credentials.token.encode()):
            return User(credentials.admin, groups=(ADMIN_GROUP, AUTHENTICATED))
        account = credentials.signer.verify(token.strip(), now=now)
        if account and credentials.accounts(account) == account.uid:
            return _account_user(account)
    raise StatusError(401, "Unauthorized", "Unauthorized")


def _account_user(account: ServiceAccount) -> User:
    groups = (*_account_groups(account.namespace), AUTHENTICATED)
    return User(f"system:serviceaccount:{account.namespace}:{account.name}", account.uid, groups)


def _account_groups(namespace: str) -> tuple[str, ...]:
    return ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")


def _by_certificate(request: web.Request) -> User | None:
    """The subject of a client certificate; TLS has already checked that our authority signed it."""
    transport = request.transport
    tls: ssl.SSLObject | None = transport.get_extra_info("ssl_object") if transport else None
    certificate: dict[str, Any] = (tls.getpeercert() if tls else None) or {}
    if not certificate or tls is None:
        return None
    subject = [pair for part in certificate["subject"] for pair in part]
    names = [value for key, value in subject if key == "commonName"]
    groups = [value for key, value in subject if key == "organizationName"]
    der = tls.getpeercert(binary_form=True) or b""
    extra = {"authentication.kubernetes.io/credential-id": [f"X509SHA256={hashlib.sha256(der).hexdigest()}"]}
    return User(names[0], groups=(*groups, AUTHENTICATED), extra=extra)


def allowed(user: User, target: Target, roles: Roles) -> bool:
    """Whether `user` may do that."""
    if user.is_admin or (is_self_review(target) and user.is_known):
        return True
    own = target.name if target.kind.plural == "namespaces" else ""  # a Namespace lies in itself
    rules = roles.rules(user.name, user.groups, target.namespace or own)
    return any(allows(rule, target) for rule in rules)


def is_self_review(target: Target) -> bool:
    """Questions about oneself, which everybody may ask."""
    return target.verb == "create" and target.kind.plural.startswith("selfsubject")


def authorize_path(user: User, path: str) -> None:
    """What there is everybody may know who is somebody: discovery and OpenAPI; 403 for others."""
    if not user.is_known:
        raise forbidden(f'forbidden: User "{user.name}" cannot get path "{path}"')


def authorize(user: User, target: Target, roles: Roles) -> None:
    """403 with the real server's text if the user may not."""
    if allowed(user, target, roles):
        return
    kind = target.kind
    resource = f"{kind.plural}/{target.subresource}" if target.subresource else kind.plural
    where = f'in the namespace "{target.namespace}"' if target.namespace else "at the cluster scope"
    what = f'cannot {target.verb} resource "{resource}" in API group "{kind.group}" {where}'
    subject = f"{kind.plural}.{kind.group}" if kind.group else kind.plural
    named = f'{subject} "{target.name}"' if target.name else subject
    message = f'{named} is forbidden: User "{user.name}" {what}'
    raise forbidden(message, kind.plural, kind.group, target.name)
