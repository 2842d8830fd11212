"""Server-side apply: an applier says all it wants, and owns what it says.

What it said before and says no longer goes, unless somebody else owns it too. What others own and it wants otherwise
is a conflict, unless it insists.
"""

from __future__ import annotations

from typing import NamedTuple

from raglab.pocket.errors import StatusError, bad_request
from raglab.pocket.fields import judging, lastapplied, sets
from raglab.pocket.fields.atoms import Mapping
from raglab.pocket.fields.comparing import Comparisons, Version, consists_of
from raglab.pocket.fields.conflicts import Claim, refusal
from raglab.pocket.fields.managers import Identity, Managers
from raglab.pocket.fields.merging import merge, remove, with_named
from raglab.pocket.fields.sets import Fields
from raglab.pocket.fields.tracking import UNOWNED, take
from raglab.pocket.kinds.catalogue import Kind, Object


class Applier(NamedTuple):
    """Who applies, in which version, whether others' fields are taken by force, and when."""

    who: Identity
    api_version: str
    force: bool
    time: str


def check(kind: Kind, view: Mapping, config: Object) -> None:
    """Refuse a configuration of another version (400), or one that does not fit the schema (500, as a real server)."""
    version, meta = config.get("apiVersion"), config.get("metadata")
    if version != kind.api_version:
        text = f"Incorrect version specified in apply patch. Specified patch version: {version}, expected: "
        raise bad_request(text + kind.api_version)
    if isinstance(meta, dict) and meta.get("managedFields") is not None:
        raise bad_request("metadata.managedFields must be nil")
    wrong = list(judging.faults(config, view))
    if wrong:
        named = meta if isinstance(meta, dict) else {}
        place = f"{named.get('namespace', '')}/{named.get('name', '')}"
        about = f"{place}; {kind.api_version}, Kind={kind.kind}"
        raise StatusError(500, "", f"failed to create typed patch object ({about}): {judging.told(wrong)}")


def apply(
    view: Mapping, live: Object, config: Object, managers: Managers, applier: Applier, version: Version
) -> Object:
    """The object with `config` applied, the very same if nothing changes; `managers` are brought up to date.

    All in the applier's version. Raises 409 on a conflict.
    """
    before = managers.fields(applier.who)
    managers.set(applier.who, consists_of(config, view), applier.api_version)
    new = _pruned(view, merge(live, config, view), before, managers)
    comparisons = Comparisons(live, new, version)
    if not applier.force:
        _refuse(managers, applier, comparisons, lastapplied.claimable(view, live, applier.who.name))
    take(managers, comparisons, spared=applier.who)
    own = sets.difference(managers.fields(applier.who), UNOWNED)
    managers.set(applier.who, own, applier.api_version, "" if new == live else applier.time)
    return lastapplied.synchronised(new, config, applier.who.name)


def _refuse(managers: Managers, applier: Applier, comparisons: Comparisons, free: Fields | None) -> None:
    """Refuse to change what others own, apart from fields that are `free`."""
    claims = []
    for who, entry in managers:
        comparison = comparisons(entry["apiVersion"]) if who != applier.who else None
        wanted = sets.intersection(entry["fieldsV1"], comparison.changed) if comparison else None
        taken = sets.difference(wanted, free)
        if taken is not None:
            claims.append(Claim(who, taken))
    if claims:
        raise refusal(claims)


def _pruned(view: Mapping, merged: Object, before: Fields | None, managers: Managers) -> Object:
    """`merged` without what the applier applied before and nobody owns now.

    The steps are those of a real server, for the result depends on them: take out all that was applied before, put
    back what somebody owns, then put back what was not applied before and only went because it stood below.
    """
    if before is None:
        return merged
    last = with_named(before, view)
    owned: Fields | None = None
    for _, entry in managers:
        owned = sets.union(owned, entry["fieldsV1"])
    present = with_named(consists_of(merged, view), view)
    kept = with_named(consists_of(remove(merged, last, view), view), view)
    lost = sets.difference(present, sets.union(kept, with_named(owned, view)))
    rest = with_named(consists_of(remove(merged, lost, view), view), view)
    gone = sets.intersection(sets.difference(present, rest), last)
    result: Object = remove(merged, gone, view)
    return result
