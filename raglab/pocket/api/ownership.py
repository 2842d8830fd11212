"""Who owns which field of the objects the API stores: `raglab.pocket.fields`, bound to kinds, versions and requests."""

from __future__ import annotations

from functools import partial

from raglab.pocket.api import conversion
from raglab.pocket.client import Object
from raglab.pocket.clock import Clock, timestamp
from raglab.pocket.errors import invalid
from raglab.pocket.fields import applying, managers, tracking
from raglab.pocket.fields.comparing import NOTHING, Comparisons, Seen
from raglab.pocket.fields.managers import APPLY, UPDATE, Entry, Identity, Managers
from raglab.pocket.fields.views import Views
from raglab.pocket.kinds.catalogue import Catalogue, Kind
from raglab.pocket.kinds.schema import Schemas

KEY = "managedFields"
BEFORE = "before-first-apply"
"""Who owns what was there when an object without managers is applied to."""


def unburdened(obj: Object, current: Object) -> Object:
    """`obj` without managers if they are the stored ones: most clients send back what they read, and decoding costs."""
    meta = obj.get("metadata")
    if not isinstance(meta, dict) or KEY not in meta or meta[KEY] != current["metadata"].get(KEY):
        return obj
    return obj | {"metadata": {name: part for name, part in meta.items() if name != KEY}}


class Ownership:
    """Keeps ``metadata.managedFields`` of every object that is written."""

    def __init__(self, schemas: Schemas, kinds: Catalogue, clock: Clock) -> None:
        self._views, self._kinds, self._clock = Views(schemas), kinds, clock

    def created(self, kind: Kind, new: Object, manager: str) -> None:
        """`manager` owns what it has sent and what was filled in for it. In place."""
        sent = managers.decoded(new["metadata"].pop(KEY, None)) or []
        self._judge(kind, new, sent)
        owners = Managers(sent)
        tracking.record(
            owners, Identity(manager, UPDATE, kind.api_version), self._creation(kind, new), self._now()
        )
        new["metadata"][KEY] = owners.entries()

    def updated(
        self, kind: Kind, new: Object, current: Object, sent: Object, manager: str, subresource: str
    ) -> None:
        """`manager` owns what is different in `new`, in place. `sent` is what the client sent: unless it wrote to a
        subresource, it may set managers itself.
        """
        stored: list[Entry] = current["metadata"].get(KEY) or []
        entries = stored if subresource else self._chosen(kind, sent, stored)
        if not entries:
            return
        new["metadata"][KEY] = stored  # no difference between the two
        comparisons = Comparisons(current, new, partial(self._seen, kind))
        if entries is stored and comparisons(kind.api_version) == NOTHING:
            return
        owners, who = Managers(entries), Identity(manager, UPDATE, kind.api_version, subresource)
        tracking.record(owners, who, comparisons, self._now())
        new["metadata"][KEY] = owners.entries()

    def _chosen(self, kind: Kind, sent: Object, stored: list[Entry]) -> list[Entry]:
        """The managers a client sent, if any; those who leave them out do not mean that there are none."""
        wanted = sent["metadata"].get(KEY)
        if not wanted or wanted == stored:
            return stored
        if managers.is_reset(wanted):
            return []
        entries = managers.decoded(wanted)
        self._judge(kind, sent, entries or [])
        return entries or stored

    def _judge(self, kind: Kind, obj: Object, entries: list[Entry]) -> None:
        causes = managers.faults(entries)
        if causes:
            raise invalid(kind.kind, kind.group, obj["metadata"].get("name", ""), causes)

    def checked(self, kind: Kind, config: Object, subresource: str) -> Object:
        """The part of an applied configuration that counts where it is applied; one that does not fit is refused."""
        applying.check(kind, self._views.of(kind), config)
        others = "spec" if subresource == "status" else "status" if "status" in kind.subresources else ""
        return {name: part for name, part in config.items() if name != others}

    def applied(
        self, kind: Kind, live: Object, config: Object, manager: str, subresource: str, *, force: bool
    ) -> Object:
        """`live` with `config` applied, and with its managers. Both are of `kind`; raises 409 for conflicts."""
        stored: list[Entry] = live["metadata"].get(KEY) or []
        owners, time = Managers(stored), self._now()
        if not owners and "uid" in live["metadata"]:
            before = Identity(BEFORE, UPDATE, kind.api_version)
            tracking.record(owners, before, self._creation(kind, live), time)
        who = Identity(manager, APPLY, "", subresource)
        applier = applying.Applier(who, kind.api_version, force, time)
        view = self._views.of(kind)
        new = applying.apply(view, live, config, owners, applier, partial(self._seen, kind))
        return new | {"metadata": new["metadata"] | {KEY: owners.entries()}}

    @staticmethod
    def keep(new: Object, entries: list[Entry], current: Object) -> None:
        """Put the managers after an apply into `new`. A change of nothing but a time is none."""
        meta, stored = new["metadata"], current["metadata"].get(KEY) or []
        meta[KEY] = stored
        if new != current or not managers.same_but_time(entries, stored):
            meta[KEY] = entries

    def _creation(self, kind: Kind, new: Object) -> Comparisons:
        """A status does not come with an object where it has an endpoint of its own."""
        if "status" in kind.subresources:
            new = {name: part for name, part in new.items() if name != "status"}
        return Comparisons(None, new, partial(self._seen, kind))

    def _seen(self, kind: Kind, api_version: str) -> Seen | None:
        """How objects of `kind` look in another of its versions."""
        other = kind if api_version == kind.api_version else self._kinds.kind(api_version, kind.kind)
        if other is None or other.storage_key != kind.storage_key:
            return None
        return Seen(self._views.of(other), partial(conversion.from_storage, other))

    def _now(self) -> str:
        return timestamp(self._clock.time())
