"""Refusals in Kubernetes' Status form."""

from __future__ import annotations

from typing import Any


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


def bad_request(what: str) -> StatusError:
    """The request itself makes no sense."""
    return StatusError(400, "BadRequest", what)


def forbidden(path: str) -> StatusError:
    """Nobody the server knows asked."""
    return StatusError(403, "Forbidden", f'forbidden: User "system:anonymous" cannot get path "{path}"')
