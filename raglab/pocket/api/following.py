"""Watches: what there is, then every change, as one client's selectors let it see them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable

from raglab.pocket.api.selectors import Filter
from raglab.pocket.client import Object, WatchEvent
from raglab.pocket.kinds.catalogue import Kind
from raglab.pocket.store import Change, Cursor

INITIAL_EVENTS_END = "k8s.io/initial-events-end"
"""Annotation of the bookmark after the last object that existed when the watch began (KEP-3157)."""
View = Callable[[Object], Object]
"""Shows a stored object in the version that was asked for."""


async def follow(
    cursor: Cursor,
    wanted: Filter,
    view: View,
    start: Iterable[Object],
    mark: WatchEvent | None,
    served: Callable[[], bool] = lambda: True,
) -> AsyncIterator[WatchEvent]:
    """`start` as ADDED, then `mark`, then changes from the cursor on. Ends by `StatusError` 410, and when the kind is
    `served` no longer.
    """
    for obj in start:
        yield WatchEvent("ADDED", view(obj))
    if mark is not None:
        yield mark
    while True:
        for change in cursor.read():
            event = seen(change, wanted)
            if event is not None:
                yield WatchEvent(event.type, view(event.object))
        if not served():
            return
        await cursor.wait()


def seen(change: Change, wanted: Filter) -> WatchEvent | None:
    """How a client with selectors sees a change: an object that stops matching is DELETED, as if it had gone.

    Such an object is shown as it was when it still matched, with the version of the change.
    """
    now = change.record.object
    before = change.before is not None and wanted.accepts(change.before.object)
    after = change.type != "DELETED" and wanted.accepts(now)
    if after:
        return WatchEvent("MODIFIED" if before else "ADDED", now)
    if not before or change.before is None:
        return None
    if change.type == "DELETED":
        return WatchEvent("DELETED", now)
    last, version = change.before.object, {"resourceVersion": str(change.record.version)}
    return WatchEvent("DELETED", last | {"metadata": last["metadata"] | version})


def initial_events_end(kind: Kind, version: int) -> WatchEvent:
    """The bookmark that tells a client that it has now seen everything there was."""
    meta = {"resourceVersion": str(version), "annotations": {INITIAL_EVENTS_END: "true"}}
    return WatchEvent("BOOKMARK", {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": meta})
