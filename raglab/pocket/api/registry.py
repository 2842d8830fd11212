"""The verbs of the API on stored objects. Everything here is synchronous: one request is done before the next begins.

The way of a write: read what is stored, decode what was sent (`kinds.schema`), convert it to the version that is
stored, keep what a client may not change (`strategy`), fill in defaults, allocate addresses, validate, store. Each step
raises `StatusError` when it refuses, and nothing has changed until the last one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from raglab.pocket.api import (
    admission,
    conversion,
    definitions,
    deletion,
    following,
    ownership,
    paging,
    patch,
    scale,
    selectors,
    strategy,
)
from raglab.pocket.api.allocation import Allocator
from raglab.pocket.api.definitions import Definitions
from raglab.pocket.api.deletion import DeleteOptions
from raglab.pocket.api.paging import Page
from raglab.pocket.client import Object, WatchEvent
from raglab.pocket.clock import Clock
from raglab.pocket.config import Settings
from raglab.pocket.errors import already_exists, bad_request, invalid, not_found
from raglab.pocket.kinds import defaults, messages, validation
from raglab.pocket.kinds.catalogue import Catalogue, Kind
from raglab.pocket.kinds.schema import DecodeError, Schemas, cannot_be_handled
from raglab.pocket.store import Store

__all__ = ["DeleteOptions", "Options", "Page", "Registry"]

SERVICES = "/services"
Objects = list[Object]
"""For annotations inside `Registry`, where ``list`` is a verb."""


@dataclass
class Options:
    """How to write. `warnings` collects what the client should be told although the write succeeds."""

    dry_run: bool = False
    field_validation: str = "Warn"
    field_manager: str = "unknown"
    force: bool = False
    """Of a server-side apply: take fields from their owners."""
    subresource: str = ""
    user: str = "system:admin"
    guard: Callable[[Kind, Object, Object | None], None] | None = None
    """Has the last word about what `user` may write (new, old): see `escalation`."""
    warnings: list[str] = field(default_factory=list)


class Ledger(Protocol):
    """Somebody who keeps account of what one shelf holds."""

    def record(self, new: Object, old: Object | None) -> None:
        """`new` has been stored in place of `old`."""
        ...

    def release(self, obj: Object) -> None:
        """`obj` has been removed."""
        ...


class Registry:
    """All verbs on all kinds. Objects that come back are shared with the store: copy before you edit."""

    def __init__(
        self, store: Store, kinds: Catalogue, schemas: Schemas, settings: Settings, clock: Clock
    ) -> None:
        self.store, self.kinds, self.schemas, self.clock = store, kinds, schemas, clock
        self._owners = ownership.Ownership(schemas, kinds, clock)
        self._allocator = Allocator(settings, self._all(SERVICES))
        defined = Definitions(kinds, self._all(definitions.SHELF), store.wake)
        self._ledgers: dict[str, Ledger] = {SERVICES: self._allocator, definitions.SHELF: defined}

    def get(self, kind: Kind, namespace: str, name: str, subresource: str = "") -> Object:
        """One object (for the subresource ``scale``: its Scale)."""
        obj = self._stored(kind, namespace, name)
        return scale.of(kind, obj) if subresource == "scale" else conversion.from_storage(kind, obj)

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
        """Objects that match, in the order of namespace and name; always the newest, whatever version is named."""
        paging.check_version(resource_version, self.store.version)
        wanted = selectors.compile(kind, namespace, labels, fields)
        page = paging.cut(self._matching(kind, wanted), self.store.version, limit, continue_token)
        return page._replace(items=[conversion.from_storage(kind, obj) for obj in page.items])

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
        """Changes after `resource_version`, or (without one, or with `send_initial`) all there is and then changes.

        Refuses at once, before the first event: 410 for a version that is too old, 400 for a bad selector. With
        `send_initial` and `bookmarks`, a bookmark tells where the objects end that existed at the beginning.
        """
        paging.check_version(resource_version, self.store.version)
        wanted = selectors.compile(kind, namespace, labels, fields)
        everything = send_initial or resource_version in ("", "0")
        since = self.store.version if everything else int(resource_version)
        cursor = self.store.cursor(kind.storage_key, since)
        cursor.check()
        return following.follow(
            cursor,
            wanted,
            lambda obj: conversion.from_storage(kind, obj),
            self._matching(kind, wanted) if everything else [],
            following.initial_events_end(kind, since) if send_initial and bookmarks else None,
            lambda: self.kinds.resource(kind.group, kind.version, kind.plural) is not None,
        )

    def create(self, kind: Kind, namespace: str, obj: Object, options: Options) -> Object:
        """Store a new object; a ``Binding`` puts a pod on a node."""
        if kind.plural == "pods" and obj.get("kind") == "Binding":
            return self._bind(kind, namespace, obj, options)
        sent = strategy.as_created(kind, obj)
        new = conversion.to_storage(kind, self._decoded(kind, sent, options))
        return self._create(kind, namespace, new, options)

    def _create(
        self, kind: Kind, namespace: str, new: Object, options: Options, *, applied: bool = False
    ) -> Object:
        """The common end of create and apply; what was applied has its managers already."""
        strategy.prepare_create(kind, namespace, new, self.clock.time())
        stored_kind = self._storage_kind(kind)
        defaults.apply(stored_kind, new)
        if not applied:
            self._owners.created(kind, new, options.field_manager)
        admission.admit(self.store, kind, new)
        defaults.settle(stored_kind, new)
        self._check(kind, new, None)
        meta = new["metadata"]
        if kind.storage_key == SERVICES:
            self._allocator.complete(new, None)
        admission.finish(self.store, kind, new, None)
        if self.store.get(kind.storage_key, meta.get("namespace", ""), meta["name"]):
            raise already_exists(kind.plural, kind.group, meta["name"])
        options.warnings.extend(validation.warnings(stored_kind, new))
        return conversion.from_storage(kind, self._put(kind, new, None, options))

    def update(self, kind: Kind, namespace: str, name: str, obj: Object, options: Options) -> Object:
        """Replace an object, or the part of it that `options.subresource` names."""
        if options.subresource == "binding":
            return self._bind(kind, namespace, obj, options)
        current = self._stored(kind, namespace, name)
        if options.subresource == "scale":
            return self._rescale(kind, current, obj, options)
        return self._replace(
            kind, self._decoded(kind, ownership.unburdened(obj, current), options), current, options
        )

    def patch(
        self, kind: Kind, namespace: str, name: str, change: Any, content_type: str, options: Options
    ) -> Object:
        """Change part of an object. Unknown fields are refused in the words of a patch, not of a create."""
        current = self._stored(kind, namespace, name)
        if options.subresource == "scale":
            wanted = patch.apply(scale.of(kind, current), change, content_type, None)
            return self._rescale(kind, current, wanted, options)
        shown = conversion.from_storage(kind, current)
        patched = patch.apply(shown, change, content_type, self.schemas.root(kind))
        told = change if content_type == patch.STRATEGIC else patched
        try:
            clean, unknown = self.schemas.normalise(kind, ownership.unburdened(patched, shown))
        except DecodeError as error:
            raise patch.undecodable(told, content_type, error) from None
        if unknown and options.field_validation == "Strict":
            raise patch.unknown_fields(told, content_type, unknown)
        if options.field_validation == "Warn":
            options.warnings.extend(unknown)
        return self._replace(kind, clean, current, options)

    def apply(self, kind: Kind, namespace: str, name: str, config: Object, options: Options) -> Object:
        """Server-side apply to an object, or to none yet."""
        if options.subresource == "scale":
            wanted = self._owners.checked(messages.SCALE, config, "")
            config = scale.applied(kind, strategy.blank(kind, name, config), wanted)
        config = self._owners.checked(kind, config, options.subresource)
        if self.has(kind, namespace, name) or options.subresource:
            current = self._stored(kind, namespace, name)
            new = self._applied(kind, conversion.from_storage(kind, current), config, options)
            stored = self._replace(kind, new, current, options, applied=True)
            return scale.of(kind, stored) if options.subresource == "scale" else stored
        new = self._applied(kind, strategy.blank(kind, name, config), config, options)
        return self._create(kind, namespace, conversion.to_storage(kind, new), options, applied=True)

    def _applied(self, kind: Kind, live: Object, config: Object, options: Options) -> Object:
        """`config` on top of `live`, decoded. The managers are put aside meanwhile: they need no decoding."""
        manager, below = options.field_manager, options.subresource
        new = self._owners.applied(kind, live, config, manager, below, force=options.force)
        meta = new["metadata"]
        entries = meta.pop(ownership.KEY)
        decoded = self._decoded(kind, new, options)
        return decoded | {"metadata": decoded["metadata"] | {ownership.KEY: entries}}

    def delete(self, kind: Kind, namespace: str, name: str, options: DeleteOptions) -> tuple[Object, bool]:
        """Delete, or begin to: the last state, and whether the object is gone."""
        current = self._stored(kind, namespace, name)
        deletion.check(kind, current, options)
        doomed, is_over = deletion.marked(kind, current, options, self.clock.time())
        if not options.dry_run:
            if is_over:
                doomed = self._remove(kind, doomed)
            elif doomed != current:
                doomed = self._put(kind, doomed, current, Options())
        return conversion.from_storage(kind, doomed), is_over

    def delete_collection(
        self, kind: Kind, namespace: str, *, labels: str = "", fields: str = "", options: DeleteOptions
    ) -> Objects:
        """Delete everything that matches; returns the last states."""
        found = self._matching(kind, selectors.compile(kind, namespace, labels, fields))
        return [self.delete(kind, *paging.key_of(obj), options)[0] for obj in found]

    def has(self, kind: Kind, namespace: str, name: str) -> bool:
        """Whether there is an object of this name."""
        return self.store.get(kind.storage_key, namespace if kind.namespaced else "", name) is not None

    def _all(self, shelf: str) -> Objects:
        return [record.object for record in self.store.records(shelf)]

    def _stored(self, kind: Kind, namespace: str, name: str) -> Object:
        record = self.store.get(kind.storage_key, namespace if kind.namespaced else "", name)
        if record is None:
            raise not_found(kind.plural, kind.group, name)
        return record.object

    def _matching(self, kind: Kind, wanted: selectors.Filter) -> Objects:
        records = self.store.records(kind.storage_key, wanted.namespace)
        return [record.object for record in records if wanted.accepts(record.object)]

    def _storage_kind(self, kind: Kind) -> Kind:
        """The version in which objects of a kind are stored: the first that shares the shelf."""
        if kind.custom:
            return kind
        return next(item for item in self.kinds.kinds if item.storage_key == kind.storage_key)

    def _decoded(self, kind: Kind, obj: Object, options: Options) -> Object:
        """A clean copy; unknown fields are refused, reported or ignored as the client wishes."""
        clean, unknown = self.schemas.normalise(kind, obj)
        if unknown and options.field_validation == "Strict":
            raise bad_request(f"{cannot_be_handled(kind)}: strict decoding error: {', '.join(unknown)}")
        if options.field_validation == "Warn":
            options.warnings.extend(unknown)
        return clean

    def _check(self, kind: Kind, obj: Object, old: Object | None) -> None:
        causes = validation.validate(self._storage_kind(kind), obj, old)
        if causes:
            raise invalid(kind.kind, kind.group, obj["metadata"].get("name", ""), causes)

    def _replace(
        self, kind: Kind, obj: Object, current: Object, options: Options, *, applied: bool = False
    ) -> Object:
        """The common end of update, patch and apply. `obj` is given away; an unchanged object is not written."""
        sent = conversion.to_storage(kind, obj)
        new = strategy.prepare_update(kind, sent, current, options.subresource)
        is_whole = kind.custom or options.subresource != "status"
        stored_kind = self._storage_kind(kind)
        if is_whole:
            if kind.storage_key == SERVICES:
                self._allocator.keep(new, current)
            defaults.apply(stored_kind, new)
        defaults.complete_status(kind, new)
        if applied:
            self._owners.keep(new, sent["metadata"][ownership.KEY], current)
        else:
            self._owners.updated(kind, new, current, sent, options.field_manager, options.subresource)
        if is_whole:
            defaults.settle(stored_kind, new, current)
            self._check(kind, new, current)
            if kind.storage_key == SERVICES:
                self._allocator.complete(new, current)
            admission.finish(self.store, kind, new, current)
            strategy.count_generation(kind, new, current)
            if kind.kind != "Pod" and not kind.custom and new.get("spec") != current.get("spec"):
                options.warnings.extend(validation.warnings(stored_kind, new))
        stored = current if new == current else self._put(kind, new, current, options)
        return conversion.from_storage(kind, stored)

    def _rescale(self, kind: Kind, current: Object, wanted: Object, options: Options) -> Object:
        main = replace(options, field_validation="Ignore")
        wanted = self.schemas.normalise(messages.SCALE, wanted)[0]
        new = self._decoded(kind, scale.applied(kind, current, wanted), main)
        return scale.of(kind, self._replace(kind, new, current, main))

    def _bind(self, kind: Kind, namespace: str, binding: Object, options: Options) -> Object:
        pod = self._stored(kind, namespace, binding["metadata"]["name"])
        if causes := strategy.misbound(binding):
            raise invalid("Binding", "", binding["metadata"]["name"], causes)
        return self._put(kind, strategy.bound(pod, binding, self.clock.time()), pod, options)

    def _put(self, kind: Kind, new: Object, current: Object | None, options: Options) -> Object:
        """Write, unless it is a dry run; an object with nothing left to wait for goes instead."""
        if options.guard is not None:
            options.guard(kind, new, current)
        if options.dry_run:
            return new
        if current is not None and deletion.is_over(kind, new):
            return self._remove(kind, new)
        stored = self.store.put(kind.storage_key, new).object
        if ledger := self._ledgers.get(kind.storage_key):
            ledger.record(stored, current)
        return stored

    def _remove(self, kind: Kind, obj: Object) -> Object:
        last = self.store.remove(kind.storage_key, *paging.key_of(obj), obj).object
        if ledger := self._ledgers.get(kind.storage_key):
            ledger.release(obj)
        return last
