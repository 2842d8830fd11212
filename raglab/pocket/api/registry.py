"""The verbs of the API on stored objects. Everything here is synchronous: one request is done before the next begins.

The way of a write: read what is there, decode (`kinds.schema`), keep what a client may not change (`strategy`), fill
in defaults, allocate addresses, validate, store. Each step raises `StatusError` when it refuses.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import orjson

from raglab.pocket.api import deletion, patch, scale, selectors, strategy
from raglab.pocket.api.allocation import Allocator
from raglab.pocket.api.deletion import DeleteOptions
from raglab.pocket.api.selectors import Filter
from raglab.pocket.client import Object, WatchEvent
from raglab.pocket.clock import Clock
from raglab.pocket.config import Settings
from raglab.pocket.errors import StatusError, already_exists, bad_request, gone, invalid, not_found
from raglab.pocket.kinds import defaults
from raglab.pocket.kinds.catalogue import Catalogue, Kind
from raglab.pocket.kinds.schema import DecodeError, Schemas, cannot_be_handled
from raglab.pocket.store import Change, Store

try:
    from raglab.pocket.kinds import validation
except ImportError:
    validation = None

__all__ = ["DeleteOptions", "Options", "Page", "Registry"]

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


@dataclass
class Options:
    """How to write. `warnings` collects what the client should be told although the write succeeds."""

    dry_run: bool = False
    field_validation: str = "Warn"
    field_manager: str = ""
    subresource: str = ""
    user: str = "system:admin"
    warnings: list[str] = field(default_factory=list)


class Page(NamedTuple):
    """Part of a list; `continue_token` asks for the next part, `remaining` counts what is left after this one."""

    items: list[Object]
    resource_version: str
    continue_token: str = ""
    remaining: int = 0


class Registry:
    """All verbs on all kinds."""

    def __init__(
        self, store: Store, kinds: Catalogue, schemas: Schemas, settings: Settings, clock: Clock
    ) -> None:
        self.store, self.kinds, self.schemas, self.clock = store, kinds, schemas, clock
        self._allocator = Allocator(settings, store.list("/services"))

    def get(self, kind: Kind, namespace: str, name: str, subresource: str = "") -> Object:
        """One object (for the subresource ``scale``: its Scale)."""
        obj = self.store.get(kind.storage_key, namespace, name)
        if obj is None:
            raise not_found(kind.plural, kind.group, name)
        return scale.of(obj) if subresource == "scale" else strategy.as_version(kind, obj)

    def list(
        self,
        kind: Kind,
        namespace: str,
        *,
        labels: str = "",
        fields: str = "",
        limit: int = 0,
        continue_token: str = "",
        resource_version: str = "",
    ) -> Page:
        """Objects that match, in the order of namespace and name."""
        self._not_from_the_future(resource_version)
        found = self._matching(kind, namespace, labels, fields)
        version = str(self.store.version)
        if continue_token:
            version, last = _read_token(continue_token)
            found = [obj for obj in found if _key(obj) > last]
        if not limit or len(found) <= limit:
            return Page(found, version)
        page = found[:limit]
        return Page(page, version, _token(version, _key(page[-1])), len(found) - limit)

    def _matching(self, kind: Kind, namespace: str, labels: str, fields: str) -> list[Object]:
        wanted = selectors.compile(kind, namespace, labels, fields)
        found = self.store.list(kind.storage_key, namespace)
        return [strategy.as_version(kind, obj) for obj in found if wanted.accepts(obj)]

    def _not_from_the_future(self, version: str) -> None:
        if version and not version.isdigit():
            raise bad_request(f'invalid resource version "{version}"')
        if version and int(version) > self.store.version:
            text = f"Too large resource version: {version}, current: {self.store.version}"
            cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
            raise StatusError(504, "Timeout", f"Timeout: {text}", {"causes": [cause], "retryAfterSeconds": 1})

    def create(self, kind: Kind, namespace: str, obj: Object, options: Options) -> Object:
        """Store a new object; a ``Binding`` for a pod puts it on a node."""
        if kind.plural == "pods" and obj.get("kind") == "Binding":
            return self._bind(kind, namespace, obj, options)
        clean = self._decoded(kind, obj, options)
        strategy.prepare_create(kind, namespace, clean, self.clock.time())
        self._admit(kind, namespace, clean)
        meta = clean["metadata"]
        defaults.apply(kind, clean)
        self._validate(kind, clean, None)
        if self.store.get(kind.storage_key, meta.get("namespace", ""), meta["name"]) is not None:
            raise already_exists(kind.plural, kind.group, meta["name"])
        if kind.plural == "services":
            self._allocator.allocate(clean, None, commit=not options.dry_run)
        return clean if options.dry_run else self.store.put(kind.storage_key, clean)

    def _decoded(self, kind: Kind, obj: Object, options: Options) -> Object:
        """A clean copy; unknown fields are refused, reported or ignored as the client wishes."""
        clean, unknown = self.schemas.normalise(kind, obj)
        if unknown and options.field_validation == "Strict":
            raise bad_request(f"{cannot_be_handled(kind)}: strict decoding error: {', '.join(unknown)}")
        if options.field_validation == "Warn":
            options.warnings.extend(unknown)
        return clean

    def _admit(self, kind: Kind, namespace: str, obj: Object) -> None:
        """What depends on other objects: the namespace, the default storage class, the service account."""
        if kind.namespaced:
            strategy.require_namespace(kind, obj, self.store.get("/namespaces", "", namespace), namespace)
        if kind.plural == "persistentvolumeclaims":
            strategy.choose_storage_class(obj, self.store.list("storage.k8s.io/storageclasses"))
        if kind.plural == "pods":
            account = obj.get("spec", {}).get("serviceAccountName") or "default"
            if self.store.get("/serviceaccounts", namespace, account) is None:
                raise strategy.no_service_account(obj, namespace, account)

    def _validate(self, kind: Kind, obj: Object, old: Object | None) -> None:
        causes = validation.validate(kind, obj, old) if validation else []
        if causes:
            raise invalid(kind.kind, kind.group, obj["metadata"].get("name", ""), causes)

    def update(self, kind: Kind, namespace: str, name: str, obj: Object, options: Options) -> Object:
        """Replace an object, or the part of it that `options.subresource` names."""
        current = self._stored(kind, namespace, name)
        if options.subresource == "binding":
            return self._bind(kind, namespace, obj, options)
        if options.subresource == "scale":
            return scale.of(self._write(kind, scale.applied(current, obj), current, options))
        return self._write(kind, self._decoded(kind, obj, options), current, options)

    def patch(
        self, kind: Kind, namespace: str, name: str, change: Any, content_type: str, options: Options
    ) -> Object:
        """Change part of an object. Unknown fields are refused in the words of a patch, not of a create."""
        current = self._stored(kind, namespace, name)
        if options.subresource == "scale":
            wanted = patch.apply(self.schemas, kind, scale.of(current), change, content_type)
            return scale.of(self._write(kind, scale.applied(current, wanted), current, options))
        patched = patch.apply(self.schemas, kind, strategy.as_version(kind, current), change, content_type)
        try:
            clean, unknown = self.schemas.normalise(kind, patched)
        except DecodeError as error:
            raise patch.undecodable(change, content_type, error) from None
        if unknown and options.field_validation == "Strict":
            raise patch.unknown_fields(change, content_type, unknown)
        if options.field_validation == "Warn":
            options.warnings.extend(unknown)
        return self._write(kind, clean, current, options)

    def _stored(self, kind: Kind, namespace: str, name: str) -> Object:
        current = self.store.get(kind.storage_key, namespace, name)
        if current is None:
            raise not_found(kind.plural, kind.group, name)
        return current

    def _write(self, kind: Kind, obj: Object, current: Object, options: Options) -> Object:
        """The common end of update and patch. `obj` is given away; an unchanged object is not written."""
        new = strategy.prepare_update(kind, obj, current, options.subresource)
        if options.subresource != "status":
            defaults.apply(kind, new)
            if kind.plural == "services":
                self._allocator.keep(new, current)
            self._validate(kind, new, current)
            if kind.plural == "services":
                self._allocator.allocate(new, current, commit=not options.dry_run)
            strategy.count_generation(kind, new, current)
        if new == current or options.dry_run:
            return new
        if deletion.is_over(kind, new):
            return self._remove(kind, new)
        return self.store.put(kind.storage_key, new)

    def _bind(self, kind: Kind, namespace: str, binding: Object, options: Options) -> Object:
        pod = self._stored(kind, namespace, binding["metadata"]["name"])
        return self._put_unless_dry(kind, strategy.bound(pod, binding, self.clock.time()), options)

    def _put_unless_dry(self, kind: Kind, obj: Object, options: Options) -> Object:
        return obj if options.dry_run else self.store.put(kind.storage_key, obj)

    def delete(self, kind: Kind, namespace: str, name: str, options: DeleteOptions) -> tuple[Object, bool]:
        """Delete, or begin to: returns the last state, and whether the object is gone."""
        current = self._stored(kind, namespace, name)
        deletion.check(kind, current, options)
        doomed = deletion.marked(kind, current, options, self.clock.time())
        if options.dry_run:
            return doomed, doomed is current
        if doomed is current or deletion.is_over(kind, doomed):
            return self._remove(kind, doomed), True
        if doomed != current:
            doomed = self.store.put(kind.storage_key, doomed)
        return doomed, False

    def _remove(self, kind: Kind, obj: Object) -> Object:
        if kind.plural == "services":
            self._allocator.release(obj)
        return self.store.remove(kind.storage_key, obj)

    def delete_collection(
        self, kind: Kind, namespace: str, *, labels: str = "", fields: str = "", options: DeleteOptions
    ) -> list[Object]:
        """Delete everything that matches; returns the last states."""
        found = self._matching(kind, namespace, labels, fields)
        return [self.delete(kind, *_key(obj), options)[0] for obj in found]

    def watch(
        self,
        kind: Kind,
        namespace: str,
        *,
        labels: str = "",
        fields: str = "",
        resource_version: str = "",
        send_initial: bool = False,
        bookmarks: bool = False,
    ) -> AsyncIterator[WatchEvent]:
        """Changes after `resource_version`, or from now on after everything there is.

        Refuses at once, before the first event: 410 for a version that is too old, 400 for a bad selector.
        """
        self._not_from_the_future(resource_version)
        wanted = selectors.compile(kind, namespace, labels, fields)
        from_now = send_initial or resource_version in ("", "0")
        start = self._matching(kind, namespace, labels, fields) if from_now else []
        since = self.store.version if from_now else int(resource_version)
        try:
            subscription = self.store.subscribe(kind.storage_key, since)
        except StatusError:
            raise gone(f"too old resource version: {since}") from None
        mark = _bookmark(kind, since) if send_initial and bookmarks else None

        def event(change: Change) -> WatchEvent | None:
            return _seen(change, wanted)

        return _events(kind, start, mark, subscription.changes(), event)


async def _events(
    kind: Kind, start: list[Object], mark: WatchEvent | None, changes: AsyncIterator[Change], event: Any
) -> AsyncIterator[WatchEvent]:
    for obj in start:
        yield WatchEvent("ADDED", obj)
    if mark is not None:
        yield mark
    async for change in changes:
        seen = event(change)
        if seen is not None:
            yield WatchEvent(seen.type, strategy.as_version(kind, seen.object))


def _seen(change: Change, wanted: Filter) -> WatchEvent | None:
    """How a watch with a selector sees a change: an object that stops matching is DELETED for it."""
    before = change.old is not None and wanted.accepts(change.old)
    after = change.new is not None and wanted.accepts(change.new)
    if after and change.new is not None:
        return WatchEvent("MODIFIED" if before else "ADDED", change.new)
    if before and change.old is not None:
        meta = change.old["metadata"] | {"resourceVersion": str(change.version)}
        return WatchEvent("DELETED", change.last or change.old | {"metadata": meta})
    return None


def _bookmark(kind: Kind, version: int) -> WatchEvent:
    meta = {"resourceVersion": str(version), "annotations": {INITIAL_EVENTS_END: "true"}}
    return WatchEvent("BOOKMARK", {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": meta})


def _key(obj: Object) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _token(version: str, last: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([version, *last])).decode()


def _read_token(token: str) -> tuple[str, tuple[str, str]]:
    try:
        version, namespace, name = orjson.loads(base64.urlsafe_b64decode(token))
    except ValueError:
        raise bad_request("continue key is not valid: illegal base64 data") from None
    return version, (namespace, name)
