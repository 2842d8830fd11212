"""Entries of managedFields: whose they are, in which order, and how many."""

import pytest

from raglab.pocket.fields import managers, sets
from raglab.pocket.fields.managers import APPLY, UPDATE, Identity, Managers

ME = Identity("me", UPDATE, "v1")


def entry(name, operation=UPDATE, time="", fields=None, **more):
    facts = {"manager": name, "operation": operation, "apiVersion": "v1", "fieldsType": "FieldsV1"}
    return facts | {"fieldsV1": fields or {"f:a": {}}} | ({"time": time} if time else {}) | more


def test_a_manager_has_one_entry_and_another_for_each_way_of_writing():
    owners = Managers([])
    for who in (
        ME,
        ME,
        ME._replace(subresource="status"),
        Identity("me", APPLY, ""),
        ME._replace(api_version="v2"),
    ):
        owners.set(who, {"f:a": {}}, who.api_version or "v1", "2026-11-21T04:00:00Z")
    found = [(item["operation"], item["apiVersion"], item.get("subresource")) for item in owners.entries()]
    assert found == [
        ("Apply", "v1", None),
        ("Update", "v1", None),
        ("Update", "v1", "status"),
        ("Update", "v2", None),
    ]


def test_entries_look_as_a_real_server_writes_them():
    owners = Managers([])
    owners.set(ME._replace(subresource="scale"), {"f:a": {}}, time="2026-11-21T04:00:00Z")
    assert owners.entries() == [entry("me", time="2026-11-21T04:00:00Z", subresource="scale")]


def test_appliers_come_first_then_the_oldest():
    given = [
        entry("late", time="2026-11-21T04:00:02Z"),
        entry("b", time="2026-11-21T04:00:01Z"),
        entry("a", time="2026-11-21T04:00:01Z"),
        entry("applier", APPLY, time="2026-11-21T04:00:09Z"),
        entry("timeless", APPLY),
    ]
    names = [item["manager"] for item in Managers(given).entries()]
    assert names == ["timeless", "applier", "a", "b", "late"]


def test_who_owns_nothing_has_no_entry():
    owners = Managers([entry("me")])
    owners.set(ME, None)
    assert owners.entries() == [] and not owners and owners.fields(ME) is None


def test_only_a_write_moves_the_time():
    owners = Managers([entry("me", time="2026-11-21T04:00:00Z")])
    owners.set(ME, {"f:b": {}})
    assert owners.entries() == [entry("me", time="2026-11-21T04:00:00Z", fields={"f:b": {}})]


def test_stored_entries_stay_as_they_are():
    given = [entry("me")]
    Managers(given).set(ME, {"f:b": {}}, time="2026-11-21T04:00:00Z")
    assert given == [entry("me")]


def test_the_oldest_updates_become_one():
    given = [entry(f"m{i:02}", time=f"2026-11-21T04:00:{i:02}Z", fields={f"f:{i}": {}}) for i in range(13)]
    applier = entry("applier", APPLY)
    first, *updates = Managers([*given, applier]).entries()
    assert first == applier and len(updates) == managers.MOST_UPDATERS
    ancient = updates[0]
    assert (ancient["manager"], ancient["time"]) == ("ancient-changes", "2026-11-21T04:00:03Z")
    assert list(sets.paths(ancient["fieldsV1"])) == [".0", ".1", ".2", ".3"]


def test_the_oldest_of_different_versions_stay_apart():
    given = [entry(f"m{i:02}", time=f"2026-11-21T04:00:{i:02}Z", apiVersion=f"v{i % 2}") for i in range(12)]
    found = Managers(given).entries()
    assert [(item["manager"], item["apiVersion"]) for item in found[:2]] == [
        ("ancient-changes", "v0"),
        ("ancient-changes", "v1"),
    ]
    assert len(found) == managers.MOST_UPDATERS


@pytest.mark.parametrize("sent", [None, [], "x", [1], [{"manager": "a"}], [entry("a", fields={"a": {}})]])
def test_what_cannot_be_understood(sent):
    assert managers.decoded(sent) is None


def test_what_is_refused():
    (cause,) = managers.faults([entry("a"), entry("b", "Patch")])
    assert cause[1:] == (
        "metadata.managedFields[1].operation",
        'Invalid value: "Patch": must be `Apply` or `Update`',
    )
    (cause,) = managers.faults([entry("a", fieldsType="FieldsV2")])
    assert cause[1] == "metadata.managedFields[0].fieldsType"
