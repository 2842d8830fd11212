"""Refusals as the real adapter words them, in Kubernetes' Status form."""

from __future__ import annotations

from typing import Any

from raglab.services.addons.metrics_adapter.resources import GroupResource


class StatusError(Exception):
    """Answered as a Status object."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code, self.reason, self.message, self.details = code, reason, message, details

    def status(self) -> dict[str, Any]:
        """The object to send."""
        head = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        body = head | {"reason": self.reason} | ({"details": self.details} if self.details else {})
        return body | {"code": self.code}


def not_found(resource: GroupResource | str, metric: str, name: str = "") -> StatusError:
    """The metric is not known, or no object with a value was meant."""
    who = f"{resource} {name}" if name else str(resource)
    return StatusError(404, "NotFound", f"the server could not find the metric {metric} for {who}")


def internal(what: str) -> StatusError:
    """Something behind the adapter failed; its log says what, clients are not told."""
    causes = {"causes": [{"message": what}]}
    return StatusError(500, "InternalError", f"Internal error occurred: {what}", causes)


def bad_request(what: str) -> StatusError:
    """The request itself makes no sense."""
    return StatusError(400, "BadRequest", what)


def forbidden(path: str) -> StatusError:
    """Nobody the adapter knows asked."""
    return StatusError(403, "Forbidden", f'forbidden: User "system:anonymous" cannot get path "{path}"')
