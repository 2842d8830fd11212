"""Writes core/v1 Events: what ``kubectl describe`` lists at its end and ``kubectl get events`` shows.

The same thing told twice about the same object becomes one Event with a count, as a real cluster does it.
An Event is a remark, not part of anybody's work: one that cannot be written (its namespace is going away)
is logged and forgotten.

Two forms exist. Controllers and kubelets write the older one (`count`, `firstTimestamp`, `lastTimestamp`);
a scheduler writes the newer one (`eventTime`, `action`, `series`), chosen here by giving an `action`.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from typing import Any

from raglab.pocket.client import Client, Object
from raglab.pocket.clock import Clock, SystemClock, micro_timestamp, timestamp
from raglab.pocket.errors import StatusError

REMEMBERED = 4096
"""How many different events a recorder can count up (client-go's limit)."""
MOST_SIMILAR, SIMILAR_SECONDS = 10, 600.0
"""Events that differ only in their message: from so many on in so many seconds, all others become one Event
(client-go's limits)."""

log = logging.getLogger(__name__)


class EventRecorder:
    """Tells what `component` did; `host` is the node it runs on, for components that belong to one."""

    def __init__(self, client: Client, component: str, clock: Clock | None = None, host: str = "") -> None:
        self._client, self._clock = client, clock or SystemClock()
        self._component, self._host = component, host
        self._written: OrderedDict[tuple[str, ...], tuple[str, int]] = OrderedDict()
        self._similar: OrderedDict[tuple[str, ...], tuple[float, set[str]]] = OrderedDict()
        self._stamp = 0

    async def event(
        self, obj: Object, type: str, reason: str, message: str, *, field_path: str = "", action: str = ""
    ) -> None:
        """Say `message` about `obj`; `type` is Normal or Warning, `reason` one CamelCase word.

        `field_path` names a part of it, e.g. ``spec.containers{web}``.
        """
        about = reference(obj, field_path)
        kind = (about.get("uid") or about["name"], field_path, type, reason)
        fingerprint: tuple[str, ...] = (*kind, message)
        if not action and self._is_one_of_many(kind, message):
            fingerprint, message = kind, f"(combined from similar events): {message}"
        said = {"type": type, "reason": reason, "message": message, "involvedObject": about}
        try:
            if not (fingerprint in self._written and await self._count_up(fingerprint, said, action)):
                await self._write(fingerprint, said, action)
        except StatusError as error:
            log.info("event %s about %s not written: %s", reason, about["name"], error)

    def _is_one_of_many(self, kind: tuple[str, ...], message: str) -> bool:
        """Whether so many events of a kind came lately that this one is not told by itself."""
        now = self._clock.time()
        latest, messages = self._similar.pop(kind, (now, set()))
        if now - latest > SIMILAR_SECONDS:
            messages = set()
        many = len(messages | {message}) >= MOST_SIMILAR
        _remember(self._similar, kind, (now, messages if many else messages | {message}))
        return many

    async def _write(self, fingerprint: tuple[str, ...], said: Object, action: str) -> None:
        name = self._name(said["involvedObject"]["name"])
        namespace = said["involvedObject"].get("namespace") or "default"
        metadata = {"name": name, "namespace": namespace}
        form = self._newer_form(action) if action else self._older_form()
        event = {"apiVersion": "v1", "kind": "Event", "metadata": metadata, **said, **form}
        try:
            await self._client.create("events", event)
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
            return await self._write(fingerprint, said, action)  # another component spoke in the same instant
        _remember(self._written, fingerprint, (name, 1))

    async def _count_up(self, fingerprint: tuple[str, ...], said: Object, action: str) -> bool:
        """Raise the count of an Event written before; False if it has expired meanwhile."""
        name, count = self._written[fingerprint]
        about, now = said["involvedObject"], self._clock.time()
        patch: dict[str, Any] = {"count": count + 1, "lastTimestamp": timestamp(now)}
        if action:
            patch = {"series": {"count": count + 1, "lastObservedTime": micro_timestamp(now)}}
        patch["message"] = said["message"]
        try:
            await self._client.patch("events", name, about.get("namespace") or "default", patch)
        except StatusError as error:
            if error.code != 404:
                raise
            return False
        _remember(self._written, fingerprint, (name, count + 1))
        return True

    def _name(self, subject: str) -> str:
        """``<object>.<time in hex>``: strictly growing, so that a list by name is a list by time."""
        self._stamp = max(self._stamp + 1, int(self._clock.time() * 1e9))
        return f"{subject}.{self._stamp:x}"

    def _older_form(self) -> Object:
        now = timestamp(self._clock.time())
        source = {"component": self._component} | ({"host": self._host} if self._host else {})
        reporting = {"reportingComponent": self._component, "reportingInstance": self._host}
        return {"count": 1, "firstTimestamp": now, "lastTimestamp": now, "source": source, **reporting}

    def _newer_form(self, action: str) -> Object:
        reporting = {"reportingComponent": self._component, "reportingInstance": self._component}
        now = micro_timestamp(self._clock.time())
        return {"eventTime": now, "action": action, "source": {}, **reporting}


def _remember(memory: OrderedDict[tuple[str, ...], Any], key: tuple[str, ...], what: Any) -> None:
    memory[key] = what
    memory.move_to_end(key)
    if len(memory) > REMEMBERED:
        memory.popitem(last=False)


def reference(obj: Object, field_path: str = "") -> Object:
    """The ``ObjectReference`` that points at `obj` (or at a part of it)."""
    meta = obj["metadata"]
    parts = {
        "kind": obj.get("kind"),
        "namespace": meta.get("namespace"),
        "name": meta["name"],
        "uid": meta.get("uid"),
        "apiVersion": obj.get("apiVersion"),
        "resourceVersion": meta.get("resourceVersion"),
        "fieldPath": field_path,
    }
    return {key: value for key, value in parts.items() if value}
