"""Questions about the asker: may I (``kubectl auth can-i``), what may I, and who am I (``kubectl auth whoami``).

They are resources that can only be created; the answer is the created object and nothing is stored.
"""

from __future__ import annotations

from typing import Any

from raglab.pocket.api import auth
from raglab.pocket.api.auth import User
from raglab.pocket.api.context import Server
from raglab.pocket.api.roles import Roles
from raglab.pocket.api.routing import Target
from raglab.pocket.clock import timestamp
from raglab.pocket.errors import invalid
from raglab.pocket.kinds import messages
from raglab.pocket.kinds.catalogue import Catalogue, Kind

Object = dict[str, Any]
AUTHORIZATION = "authorization.k8s.io"
PUBLIC = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
"""What anybody may get: ClusterRole ``system:public-info-viewer``."""
DISCOVERY = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *PUBLIC]
"""What those who are known may get: ClusterRole ``system:discovery``."""
EVERYTHING = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}


def answer(kind: Kind, user: User, review: Object, server: Server) -> Object:
    """The created object of a review."""
    made: Object = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": {}}
    roles = Roles(server.registry.store)
    if kind.kind == "SelfSubjectReview":
        made["metadata"] = {"creationTimestamp": timestamp(server.clock.time())}
        return made | {"status": {"userInfo": _user_info(user)}}
    spec = review.get("spec") or {}
    if kind.kind == "SelfSubjectRulesReview":
        return made | {"spec": spec, "status": _rules(user, spec.get("namespace", ""), roles)}
    return made | {"spec": spec, "status": _access(user, spec, server.kinds, roles)}


def _user_info(user: User) -> Object:
    info: Object = {"username": user.name, "groups": list(user.groups)}
    return info | ({"uid": user.uid} if user.uid else {}) | ({"extra": user.extra} if user.extra else {})


def _access(user: User, spec: Object, kinds: Catalogue, roles: Roles) -> Object:
    asked, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if (asked is None) == (path is None):
        text = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        cause = ("FieldValueInvalid", "spec.resourceAttributes", f"Invalid value: {text}")
        raise invalid("SelfSubjectAccessReview", AUTHORIZATION, "", [cause])
    if user.is_admin:
        return {"allowed": True}
    if path is not None:
        prefixes = tuple(entry.rstrip("*") for entry in DISCOVERY)
        return {"allowed": path.get("verb") == "get" and path.get("path", "").startswith(prefixes)}
    asked = asked or {}
    kind = _kind_asked_for(asked, kinds)
    where = (asked.get("namespace", ""), asked.get("name", ""), asked.get("subresource", ""))
    return {"allowed": auth.allowed(user, Target(asked.get("verb", ""), kind, *where), roles)}


def _kind_asked_for(asked: Object, kinds: Catalogue) -> Kind:
    """The kind in question, which need not exist."""
    group, plural = asked.get("group", ""), asked.get("resource", "")
    found = (kind for kind in kinds.kinds if (kind.group, kind.plural) == (group, plural))
    return next(found, Kind(group, "", "", plural, "", True))


def _rules(user: User, namespace: str, roles: Roles) -> Object:
    reviews = [
        {"verbs": ["create"], "apiGroups": [kind.group], "resources": [kind.plural]}
        for kind in messages.REVIEWS
    ]
    paths = [{"verbs": ["get"], "nonResourceURLs": urls} for urls in (DISCOVERY, PUBLIC)]
    if user.is_admin:
        resources = [EVERYTHING]
        paths = [{"verbs": ["*"], "nonResourceURLs": ["*"]}, *paths]
    else:
        rules = roles.rules(user.name, user.groups, namespace)
        resources = [rule for rule in rules if rule.get("resources")]
    return {"resourceRules": [*resources, *reviews], "nonResourceRules": paths, "incomplete": False}
