"""The managers of an object's fields: the entries of ``metadata.managedFields``.

Entries are kept as the API shows them. One manager has one entry for what it applied, and one per API version for what
it wrote in other ways; each subresource has its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from raglab.pocket.fields import sets
from raglab.pocket.fields.sets import Fields

Entry = dict[str, Any]
APPLY, UPDATE = "Apply", "Update"
MOST_UPDATERS = 10
"""So many entries of updates are kept apart; what is older becomes one entry."""
ANCIENT = "ancient-changes"


class Identity(NamedTuple):
    """Who writes, and how. `api_version` is "" for an applier: it has one entry, whatever version it speaks."""

    name: str
    operation: str
    api_version: str
    subresource: str = ""


class Managers:
    """Who owns which fields. Changing it changes no entry: those are shared with stored objects."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries = {identity(entry): entry for entry in entries if entry.get("fieldsV1")}

    def __iter__(self) -> Any:
        return iter(list(self._entries.items()))

    def __bool__(self) -> bool:
        return bool(self._entries)

    def fields(self, who: Identity) -> Fields | None:
        """What a manager owns."""
        entry = self._entries.get(who)
        return entry["fieldsV1"] if entry else None

    def set(self, who: Identity, fields: Fields | None, api_version: str = "", time: str = "") -> None:
        """Give a manager these fields and no others; without a `time` that of its last write stays."""
        before = self._entries.get(who, {})
        if fields is None:
            self._entries.pop(who, None)
        elif fields is not before.get("fieldsV1") or time:
            version = api_version or before.get("apiVersion") or who.api_version
            self._entries[who] = _entry(who, sets.shared(fields), version, time or before.get("time", ""))

    def entries(self) -> list[Entry]:
        """All entries as they are stored: appliers first, then by time; not more updates than are kept apart."""
        self._cap()
        return sorted(self._entries.values(), key=_order)

    def _cap(self) -> None:
        """Join the oldest updates, version by version, until there are few enough."""
        updates = sorted(
            (entry for who, entry in self._entries.items() if who.operation == UPDATE),
            key=lambda entry: (entry.get("time", ""), entry["manager"]),
        )
        surplus, first = len(updates) - MOST_UPDATERS, dict[str, Entry]()
        for entry in updates:
            if surplus <= 0:
                return
            version = entry["apiVersion"]
            if version in first:
                self._join(first[version], entry)
                first[version] = self._entries[Identity(ANCIENT, UPDATE, version)]
                surplus -= 1
            else:
                first[version] = entry

    def _join(self, older: Entry, newer: Entry) -> None:
        who = Identity(ANCIENT, UPDATE, newer["apiVersion"])
        fields = sets.union(older["fieldsV1"], newer["fieldsV1"])
        for entry in (older, newer):
            self._entries.pop(identity(entry), None)
        self.set(who, fields, time=newer.get("time", ""))


def identity(entry: Entry) -> Identity:
    """Whose entry this is."""
    operation = entry.get("operation", "")
    version = entry.get("apiVersion", "") if operation == UPDATE else ""
    return Identity(entry.get("manager", ""), operation, version, entry.get("subresource", ""))


def _entry(who: Identity, fields: Fields, api_version: str, time: str) -> Entry:
    entry = {
        "manager": who.name,
        "operation": who.operation,
        "apiVersion": api_version,
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
        "subresource": who.subresource,
    }
    return {key: value for key, value in entry.items() if value}


def _order(entry: Entry) -> tuple[str, ...]:
    return tuple(entry.get(key, "") for key in ("operation", "time", "manager", "apiVersion", "subresource"))


def decoded(entries: Any) -> list[Entry] | None:
    """What a client sent as managedFields, None if it is empty or cannot be understood."""
    if not isinstance(entries, list) or not entries:
        return None
    good = all(isinstance(entry, dict) and sets.is_valid(entry.get("fieldsV1")) for entry in entries)
    return entries if good else None


def faults(entries: list[Entry]) -> list[tuple[str, str, str]]:
    """Causes for which entries a client sent are refused (422)."""
    found: list[tuple[str, str, str]] = []
    for index, entry in enumerate(entries):
        place = f"metadata.managedFields[{index}]"
        operation, kind = entry.get("operation", ""), entry.get("fieldsType", "FieldsV1")
        if operation not in (APPLY, UPDATE):
            text = f'Invalid value: "{operation}": must be `Apply` or `Update`'
            found.append(("FieldValueInvalid", f"{place}.operation", text))
        if kind != "FieldsV1":
            text = f'Invalid value: "{kind}": must be `FieldsV1`'
            found.append(("FieldValueInvalid", f"{place}.fieldsType", text))
    return found


def is_reset(entries: Any) -> bool:
    """``[{}]``: the client wants nobody to own anything."""
    return bool(entries == [{}])


def same_but_time(one: list[Entry], other: list[Entry]) -> bool:
    """Whether two lists differ in nothing but the time of entries."""
    return [entry | {"time": ""} for entry in one] == [entry | {"time": ""} for entry in other]
