"""Who asked for what, and how it ended: one line of JSON per request, in the shape of ``audit.k8s.io/v1``.

As a real server's log at level ``Metadata``: never bodies, never credentials. What a command line of ``kubectl exec``
contains is nobody's business either, so the query of such a request is left out. The file, `Settings.audit_log`, is
for its owner only (0600) and starts anew when it has `Settings.audit_megabytes`; one older file is kept.
"""

from __future__ import annotations

import asyncio
import logging
import os
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from raglab.pocket.api.auth import User
from raglab.pocket.api.routing import CONNECT, Target
from raglab.pocket.clock import Clock, micro_timestamp
from raglab.pocket.errors import StatusError

MEGABYTE = 1_000_000
DELAY = 0.05
"""Seconds until a line is in the file: what a kill of the process can lose."""
log = logging.getLogger(__name__)


@dataclass(slots=True)
class Entry:
    """What is known about a request so far."""

    request: web.Request
    received: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    user: User | None = None
    target: Target | None = None
    code: int = 0
    error: StatusError | None = None

    def event(self, now: float) -> dict[str, Any]:
        """The ``Event`` of stage ResponseComplete."""
        request, target = self.request, self.target
        path = request.path if target and target.subresource in CONNECT else request.raw_path
        found: dict[str, Any] = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": "Metadata",
            "auditID": self.id,
            "stage": "ResponseComplete",
            "requestURI": path,
            "verb": target.verb if target else request.method.lower(),
            "user": _user(self.user),
            "sourceIPs": [request.remote or ""],
            "userAgent": request.headers.get("User-Agent", ""),
            "responseStatus": self._status(),
            "requestReceivedTimestamp": micro_timestamp(self.received),
            "stageTimestamp": micro_timestamp(now),
            "annotations": {
                "authorization.k8s.io/decision": "forbid" if self.code in (401, 403) else "allow"
            },
        }
        return found | ({"objectRef": _reference(target)} if target else {})

    def _status(self) -> dict[str, Any]:
        if self.error is None:
            return {"metadata": {}, "code": self.code}
        told = {"status": "Failure", "message": self.error.message, "reason": self.error.reason}
        return {"metadata": {}, "code": self.code} | told


def _user(user: User | None) -> dict[str, Any]:
    if user is None:
        return {}
    told: dict[str, Any] = {"username": user.name, "groups": list(user.groups)}
    return told | ({"uid": user.uid} if user.uid else {})


def _reference(target: Target) -> dict[str, str]:
    kind = target.kind
    found = {
        "resource": kind.plural,
        "namespace": target.namespace,
        "name": target.name,
        "apiGroup": kind.group,
        "apiVersion": kind.version,
        "subresource": target.subresource,
    }
    return {key: value for key, value in found.items() if value}


class AuditLog:
    """The file; `megabytes` is where it starts anew, 0 for no log at all.

    Lines are written a moment after the answers they tell of, many at once: no request waits for them.
    """

    def __init__(self, path: Path, megabytes: int, clock: Clock) -> None:
        self._path, self._most, self._clock = path, megabytes * MEGABYTE, clock
        self._file, self._size, self._failing = -1, 0, False
        self._waiting: list[tuple[Entry, float]] = []
        if megabytes:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._open()

    def entry(self, request: web.Request) -> Entry:
        """For a request that has just come."""
        return Entry(request, self._clock.time())

    def write(self, entry: Entry) -> None:
        """Write down, soon, how it ended."""
        if self._file < 0:
            return
        if not self._waiting:
            asyncio.get_running_loop().call_later(DELAY, self.flush)
        self._waiting.append((entry, self._clock.time()))

    def flush(self) -> None:
        """Write what is waiting. A disk that is full loses lines, not requests."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        lines = b"".join(orjson.dumps(entry.event(ended)) + b"\n" for entry, ended in waiting)
        try:
            self._size += os.write(self._file, lines)
            if self._size > self._most:
                full = self._file
                self._path.replace(self._path.with_suffix(".log.old"))
                self._open()
                os.close(full)
            self._failing = False
        except OSError as error:
            if not self._failing:
                log.warning("audit log %s is not written: %s", self._path, error)
            self._failing = True

    def _open(self) -> None:
        self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._size = os.fstat(self._file).st_size
