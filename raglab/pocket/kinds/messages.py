"""Kinds that travel in bodies and are never stored: decoded by their schemas like all others."""

from __future__ import annotations

from raglab.pocket.kinds.catalogue import Kind


def _message(group: str, kind: str) -> Kind:
    return Kind(group, "v1", kind, f"{kind.lower()}s", kind.lower(), False, verbs=("create",))


BINDING = _message("", "Binding")
DELETE_OPTIONS = _message("", "DeleteOptions")
EVICTION = _message("policy", "Eviction")
SCALE = _message("autoscaling", "Scale")
TOKEN_REQUEST = _message("authentication.k8s.io", "TokenRequest")
REVIEWS = (
    _message("authentication.k8s.io", "SelfSubjectReview"),
    _message("authorization.k8s.io", "SelfSubjectAccessReview"),
    _message("authorization.k8s.io", "SelfSubjectRulesReview"),
)
"""Questions about the asker, which are answered in their own shape."""
ALL = (BINDING, DELETE_OPTIONS, EVICTION, SCALE, TOKEN_REQUEST, *REVIEWS)
