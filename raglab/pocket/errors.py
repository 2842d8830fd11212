"""Errors in the Kubernetes API's own shape.

Every failure inside the pocket cluster is a `StatusError`; the HTTP layer renders it as the ``Status`` object that
kubectl, helm and the Python client expect. Texts follow recordings of a real control plane.
"""

from __future__ import annotations

import json
from typing import Any


class StatusError(Exception):
    """A refused request: HTTP `code`, CamelCase `reason`, human `message`, and optional machine-readable `details`."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.details = code, reason, message, details or {}

    def to_status(self) -> dict[str, Any]:
        """The ``v1.Status`` object for the response body."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details:
            status["details"] = self.details
        return status | {"code": self.code}


def answered(status: int, body: bytes) -> dict[str, Any]:
    """The object in an API server's answer; whatever is no success raises the `StatusError` that it tells."""
    try:
        found = json.loads(body)
    except ValueError:
        found = None
    if not isinstance(found, dict) or (status >= 300 and found.get("kind") != "Status"):
        words = body[:200].decode(errors="replace").strip()
        raise StatusError(status if status >= 300 else 502, "", words or "the answer is no object of the API")
    if status >= 300:
        code, reason, message = found.get("code") or status, found.get("reason", ""), found.get("message", "")
        raise StatusError(code, reason, message, found.get("details"))
    return found


def qualified(plural: str, group: str = "") -> str:
    """``deployments.apps``, or ``pods`` in the core group: how Kubernetes names a resource in messages."""
    return f"{plural}.{group}" if group else plural


def _details(plural: str, group: str, name: str, **more: Any) -> dict[str, Any]:
    details = {"name": name, "group": group, "kind": plural} | more
    return {key: value for key, value in details.items() if value}


def not_found(plural: str, group: str, name: str) -> StatusError:
    """404 for a missing object."""
    message = f'{qualified(plural, group)} "{name}" not found'
    return StatusError(404, "NotFound", message, _details(plural, group, name))


def already_exists(plural: str, group: str, name: str) -> StatusError:
    """409 for a create under a name that is taken."""
    message = f'{qualified(plural, group)} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, _details(plural, group, name))


def conflict(plural: str, group: str, name: str, why: str = "") -> StatusError:
    """409 for a write based on an old resourceVersion (or an unmet precondition, told in `why`)."""
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    message = f'Operation cannot be fulfilled on {qualified(plural, group)} "{name}": {why}'
    return StatusError(409, "Conflict", message, _details(plural, group, name))


def bad_request(message: str) -> StatusError:
    """400 for a request that cannot be read."""
    return StatusError(400, "BadRequest", message)


def forbidden(message: str, plural: str = "", group: str = "", name: str = "") -> StatusError:
    """403 for a request that is understood and not allowed."""
    return StatusError(403, "Forbidden", message, _details(plural, group, name))


def not_admitted(plural: str, group: str, name: str, why: str) -> StatusError:
    """403 for an object that admission does not let in."""
    return forbidden(f'{qualified(plural, group)} "{name}" is forbidden: {why}', plural, group, name)


def gone(message: str) -> StatusError:
    """410 for a watch or list from a resourceVersion that is no longer in the log."""
    return StatusError(410, "Expired", message)


def not_implemented(message: str) -> StatusError:
    """501 for something a real cluster has and the pocket cluster does not; the message says where to find it."""
    return StatusError(501, "NotImplemented", message)


def invalid(kind: str, group: str, name: str, causes: list[tuple[str, str, str]]) -> StatusError:
    """422 with one cause per broken rule.

    `causes` are (reason, field, message), e.g. ``("FieldValueRequired", "spec.selector", "Required value")``.
    kubectl prints the causes, not the message, so they must be complete.
    """
    lines = [f"{field}: {text}" if field else text for _, field, text in causes]
    body = lines[0] if len(lines) == 1 else "[" + ", ".join(lines) + "]"
    listed = [{"reason": reason, "message": text, "field": field} for reason, field, text in causes]
    subject = f"{kind}.{group}" if group else kind
    message = f'{subject} "{name}" is invalid: {body}'
    return StatusError(422, "Invalid", message, _details(kind, group, name, causes=listed))
