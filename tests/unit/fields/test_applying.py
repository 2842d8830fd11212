"""Server-side apply: what comes of an object, who owns it, and when an applier is refused."""

import copy

import pytest
from hypothesis import given

from raglab.pocket.errors import StatusError
from raglab.pocket.fields import sets
from raglab.pocket.fields.applying import Applier, apply
from raglab.pocket.fields.comparing import Comparisons, Seen
from raglab.pocket.fields.managers import APPLY, UPDATE, Identity, Managers
from raglab.pocket.fields.merging import merge, remove
from raglab.pocket.fields.tracking import record
from tests.unit.fields.example import OBJECTS, VIEW

META = {"metadata": {"name": "x"}}


def version(name):
    return Seen(VIEW, lambda obj: obj) if name == "v1" else None


class Thing:
    """An object and its managers."""

    def __init__(self, **fields):
        self.obj, self.owners = {"metadata": {}} | fields, Managers([])

    def apply(self, name, force=False, **config):
        applier = Applier(Identity(name, APPLY, ""), "v1", force, "now")
        self.obj = apply(VIEW, self.obj, {"metadata": {}} | config, self.owners, applier, version)
        return self

    def update(self, name, **fields):
        new = self.obj | fields
        record(self.owners, Identity(name, UPDATE, "v1"), Comparisons(self.obj, new, version), "now")
        self.obj = new
        return self

    def owned(self, name, operation=APPLY):
        fields = self.owners.fields(Identity(name, operation, "" if operation == APPLY else "v1"))
        return list(sets.paths(fields))

    @property
    def content(self):
        return {key: part for key, part in self.obj.items() if key != "metadata" and part is not None}


def refused(thing, name, **config):
    with pytest.raises(StatusError) as caught:
        thing.apply(name, **config)
    return caught.value


def test_who_applies_owns_leaves_items_and_entries():
    thing = Thing().apply(
        "a", text="a", labels={"x": "1"}, ports=[{"port": 1, "name": "n"}], inner={}, list=[1]
    )
    assert thing.owned("a") == [
        ".inner",
        ".list",
        ".text",
        ".labels.x",
        '.ports[port=1,protocol="TCP"]',
        '.ports[port=1,protocol="TCP"].name',
        '.ports[port=1,protocol="TCP"].port',
    ]


def test_what_is_applied_no_longer_goes():
    thing = Thing().apply("a", text="a", labels={"x": "1", "y": "2"}, set=["p", "q"])
    thing.apply("a", labels={"y": "2"}, set=["q"])
    assert thing.content == {"labels": {"y": "2"}, "set": ["q"]}


def test_what_another_owns_too_stays():
    thing = Thing().apply("a", labels={"x": "1", "y": "2"}).apply("b", labels={"x": "1"})
    thing.apply("a")
    assert thing.content == {"labels": {"x": "1"}}
    assert (thing.owned("a"), thing.owned("b")) == ([], [".labels.x"])


def test_an_item_goes_with_who_put_it_there_whatever_others_changed_in_it():
    thing = Thing().apply("a", ports=[{"port": 1, "name": "n"}])
    thing.update("b", ports=[{"port": 1, "name": "other"}])
    assert thing.owned("b", UPDATE) == ['.ports[port=1,protocol="TCP"].name']
    thing.apply("a")
    assert thing.content == {}


def test_other_values_are_a_conflict():
    thing = Thing().apply("a", text="1", number=1).update("scaler", labels={"x": "1"})
    error = refused(thing, "b", text="2", number=2, labels={"x": "2"})
    assert (error.code, error.reason) == (409, "Conflict")
    assert error.message.splitlines() == [
        'Apply failed with 3 conflicts: conflicts with "a":',
        "- .number",
        "- .text",
        'conflicts with "scaler" using v1:',
        "- .labels.x",
    ]
    assert error.details["causes"][2] == {
        "reason": "FieldManagerConflict",
        "message": 'conflict with "scaler" using v1',
        "field": ".labels.x",
    }


def test_one_conflict_is_told_in_one_line():
    error = refused(Thing().apply("a", text="1"), "b", text="2")
    assert error.message == 'Apply failed with 1 conflict: conflict with "a": .text'


def test_equal_values_are_shared_and_force_takes_them():
    thing = Thing().apply("a", text="1", number=1).apply("b", text="1")
    assert ".text" in thing.owned("a") and ".text" in thing.owned("b")
    thing.apply("b", text="2", force=True)
    assert (thing.owned("a"), thing.owned("b")) == ([".number"], [".text"])


def test_an_update_takes_what_it_changes():
    thing = Thing().apply("a", text="1", number=1).update("b", text="2")
    assert (thing.owned("a"), thing.owned("b", UPDATE)) == ([".number"], [".text"])


def test_an_apply_that_changes_nothing_has_no_time():
    thing = Thing(text="1")
    thing.update("b", number=1).apply("a", text="1")
    times = {who.name: entry.get("time") for who, entry in thing.owners}
    assert times == {"a": None, "b": "now"}


def test_managers_of_a_version_that_is_gone_go_with_it():
    thing = Thing().update("b", text="1")
    thing.owners.set(Identity("old", UPDATE, "v0"), {"f:number": {}}, time="then")
    thing.update("b", text="2")
    assert [who.name for who, _ in thing.owners] == ["b"]


@given(OBJECTS, OBJECTS)
def test_to_apply_twice_is_to_apply_once(live, config):
    once = Thing(**live).apply("a", force=True, **config)
    told, obj = once.owned("a"), once.obj
    twice = once.apply("a", **config)
    assert (twice.owned("a"), twice.obj) == (told, obj)


@given(OBJECTS, OBJECTS)
def test_an_applied_object_has_all_that_was_applied(live, config):
    before = copy.deepcopy(live)
    merged = merge(live, config, VIEW)
    assert live == before
    assert merge(merged, config, VIEW) == merged


def without_empty(value):
    """Maps and lists of which nothing is left may stay, and may go."""
    if not isinstance(value, dict):
        return value
    kept = {key: without_empty(part) for key, part in value.items()}
    return {key: part for key, part in kept.items() if part not in ({}, [], None)}


def test_who_owns_a_map_has_no_conflict_with_who_empties_it():
    thing = Thing().apply("a", free={"x": {"y": "1"}}).apply("b", free={"x": {}}).apply("a")
    assert thing.owned("b") == [".free.x"]


@given(OBJECTS, OBJECTS)
def test_what_all_have_given_up_is_gone(first, second):
    thing = Thing().apply("a", **first).apply("b", force=True, **second).apply("b").apply("a")
    assert without_empty(thing.content) == {}


@given(OBJECTS, OBJECTS)
def test_nobody_owns_what_is_not_there(first, second):
    thing = Thing().apply("a", **first).apply("b", force=True, **second).apply("a")
    content = {key: part for key, part in thing.obj.items() if key != "metadata"}
    assert set(thing.owned("b")) <= set(Thing().apply("all", **content).owned("all"))


ORDERS = [
    (["a", "b", "c"], ["c", "a"], ["b", "c", "a"]),
    (["a", "x", "b"], ["a", "n", "b"], ["a", "x", "n", "b"]),
    (["x", "y"], ["a"], ["x", "y", "a"]),
    (["a", "b"], ["b", "a"], ["b", "a"]),
    ([], ["a"], ["a"]),
]


@pytest.mark.parametrize(("live", "config", "merged"), ORDERS)
def test_items_stand_as_applied_and_others_keep_their_place(live, config, merged):
    assert merge({"set": live}, {"set": config}, VIEW) == {"set": merged}


def test_an_emptied_map_is_null_for_the_schema_to_drop():
    fields = {"f:labels": {"f:x": {}}, "f:set": {'v:"a"': {}}}
    assert remove({"labels": {"x": "1"}, "set": ["a", "b"]}, fields, VIEW) == {"labels": None, "set": ["b"]}
