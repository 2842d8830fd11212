"""Query parameters of the API as typed values, with the errors a real server gives for bad ones."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from raglab.pocket.api.paging import DIGITS
from raglab.pocket.errors import bad_request, invalid

FIELD_VALIDATION = ("Ignore", "Warn", "Strict")
LONGEST_MANAGER = 128
"""Bytes of a field manager's name."""
PROPAGATION = ("Orphan", "Background", "Foreground")


@dataclass(frozen=True, slots=True)
class ListParameters:
    """Of lists, watches and deletions of collections."""

    labels: str
    fields: str
    limit: int
    continue_token: str
    resource_version: str
    match: str
    send_initial: bool | None
    bookmarks: bool
    timeout: float | None


def listing(query: Mapping[str, str], *, watch: bool) -> ListParameters:
    """Read and check them together, for some are only allowed with others (422)."""
    parameters = ListParameters(
        labels=query.get("labelSelector", ""),
        fields=query.get("fieldSelector", ""),
        limit=integer(query, "limit") or 0,
        continue_token=query.get("continue", ""),
        resource_version=query.get("resourceVersion", ""),
        match=query.get("resourceVersionMatch", ""),
        send_initial=boolean(query, "sendInitialEvents") if "sendInitialEvents" in query else None,
        bookmarks=boolean(query, "allowWatchBookmarks"),
        timeout=integer(query, "timeoutSeconds"),
    )
    causes = [
        ("FieldValueForbidden", field, f"Forbidden: {text}")
        for field, text in _misused(parameters, watch=watch)
    ]
    if causes:
        raise invalid("ListOptions", "meta.k8s.io", "", causes)
    return parameters


def _misused(parameters: ListParameters, *, watch: bool) -> list[tuple[str, str]]:
    wrong: list[tuple[str, str]] = []
    match, version, initial = parameters.match, parameters.resource_version, parameters.send_initial
    if initial is not None:
        if not watch:
            wrong.append(("sendInitialEvents", "sendInitialEvents is forbidden for list"))
        elif match != "NotOlderThan":
            text = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
            wrong.append(("resourceVersionMatch", text))
    elif match and watch:
        text = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        wrong.append(("resourceVersionMatch", text))
    elif match and not version:
        text = "resourceVersionMatch is forbidden unless resourceVersion is provided"
        wrong.append(("resourceVersionMatch", text))
    elif match and parameters.continue_token:
        wrong.append(("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided"))
    elif match == "Exact" and version == "0":
        text = 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'
        wrong.append(("resourceVersionMatch", text))
    return wrong


def integer(query: Mapping[str, str], name: str, *, signed: bool = False) -> int | None:
    """A number, None if it is not given. One that is negative cannot be read unless it may be `signed`."""
    text = query.get(name, "")
    if not text:
        return None
    digits = text.removeprefix("-") if signed else text
    if not digits.isascii() or not digits.isdigit():
        raise bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax')
    if len(text) > DIGITS or int(text) >= 1 << 63:
        raise bad_request(f'strconv.ParseInt: parsing "{text}": value out of range')
    return int(text)


def boolean(query: Mapping[str, str], name: str) -> bool:
    """True unless absent, ``0`` or ``false``: Kubernetes takes every other value, even none, for yes."""
    return query.get(name, "0").lower() not in ("0", "false")


def dry_run(values: list[str], kind: str = "CreateOptions") -> bool:
    """Whether nothing is to be stored. The only value there is is ``All``."""
    wrong = [value for value in values if value != "All"]
    if wrong:
        quoted = ", ".join(f'"{value}"' for value in wrong)
        cause = ("FieldValueNotSupported", "dryRun", f'Unsupported value: {quoted}: supported values: "All"')
        raise invalid(kind, "meta.k8s.io", "", [cause])
    return bool(values)


def field_validation(query: Mapping[str, str], kind: str = "CreateOptions") -> str:
    """What to do about unknown fields: Ignore, Warn (as when not given) or Strict."""
    value = query.get("fieldValidation", "") or "Warn"
    if value not in FIELD_VALIDATION:
        supported = ", ".join(f'"{item}"' for item in ("", *FIELD_VALIDATION))
        text = f'Unsupported value: "{value}": supported values: {supported}'
        raise invalid(kind, "meta.k8s.io", "", [("FieldValueNotSupported", "fieldValidation", text)])
    return value


def field_manager(query: Mapping[str, str], kind: str = "CreateOptions", *, apply: bool = False) -> str:
    """Who writes, "" if the client does not say; who applies must."""
    name = query.get("fieldManager", "")
    causes = []
    if apply and not name:
        causes.append(("FieldValueRequired", "fieldManager", "Required value: is required for apply patch"))
    if not apply and "force" in query:
        text = "Forbidden: may not be specified for non-apply patch"
        causes.append(("FieldValueForbidden", "force", text))
    if len(name.encode()) > LONGEST_MANAGER:
        text = f"Too long: may not be more than {LONGEST_MANAGER} bytes"
        causes.append(("FieldValueTooLong", "fieldManager", text))
    for at, char in enumerate(name):
        if not char.isprintable():
            text = (
                f"Invalid value: {json.dumps(name)}: invalid character U+{ord(char):04X} (at position {at})"
            )
            causes.append(("FieldValueInvalid", "fieldManager", text))
    if causes:
        raise invalid(kind, "meta.k8s.io", "", causes)
    return name


@dataclass(frozen=True, slots=True)
class Deletion:
    """How to delete, from the body (a DeleteOptions object) or else from the query."""

    dry_run: bool
    propagation: str
    grace: int | None
    uid: str
    resource_version: str


def deletion(query: Mapping[str, str], dry_runs: list[str], body: dict[str, Any]) -> Deletion:
    """A body is the whole truth when there is one, as on a real server."""
    preconditions = body.get("preconditions") or {}
    if body:
        dry_runs = body.get("dryRun") or []
        grace, orphan = body.get("gracePeriodSeconds"), body.get("orphanDependents")
        propagation = body.get("propagationPolicy") or ""
    else:
        grace = integer(query, "gracePeriodSeconds")
        orphan = boolean(query, "orphanDependents") if "orphanDependents" in query else None
        propagation = query.get("propagationPolicy", "")
    if orphan is not None and not propagation:
        propagation = "Orphan" if orphan else "Background"
    _check_deletion(propagation)
    return Deletion(
        dry_run(dry_runs, "DeleteOptions"),
        propagation,
        grace,
        preconditions.get("uid") or "",
        preconditions.get("resourceVersion") or "",
    )


def _check_deletion(propagation: str) -> None:
    causes = []
    if propagation and propagation not in PROPAGATION:
        supported = ", ".join(f'"{item}"' for item in ("Background", "Foreground", "Orphan"))
        text = f'Unsupported value: "{propagation}": supported values: {supported}'
        causes.append(("FieldValueNotSupported", "propagationPolicy", text))
    if causes:
        raise invalid("DeleteOptions", "meta.k8s.io", "", causes)
