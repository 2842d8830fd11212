"""Schemas of custom resources: what is kept, what is filled in, and the texts about values that break them."""

import pytest

from raglab.pocket.kinds import structural, structural_rules
from raglab.pocket.kinds.causes import Causes
from raglab.pocket.kinds.decoding import Walk


def obj(**properties):
    return {"type": "object", "properties": properties}


STRING, INTEGER, ANY = {"type": "string"}, {"type": "integer"}, {structural.PRESERVE: True}


@pytest.mark.parametrize(
    ("schema", "value", "kept", "unknown"),
    [
        (obj(a=STRING), {"a": "x", "b": 1}, {"a": "x"}, ["b"]),
        (obj(a=obj(b=STRING)), {"a": {"b": "x", "c": 1}}, {"a": {"b": "x"}}, ["a.c"]),
        (
            obj(a={"type": "array", "items": obj(b=STRING)}),
            {"a": [{}, {"c": 1}]},
            {"a": [{}, {}]},
            ["a[1].c"],
        ),
        ({"type": "object", "additionalProperties": STRING}, {"a": "x"}, {"a": "x"}, []),
        (
            {"type": "object", "additionalProperties": obj(a=STRING)},
            {"k": {"a": "x", "b": 1}},
            {"k": {"a": "x"}},
            ["k.b"],
        ),
        (obj(a=ANY), {"a": {"b": {"c": 1}}}, {"a": {"b": {"c": 1}}}, []),
        (obj(a=ANY | obj(b=obj())), {"a": {"b": {"c": 1}, "d": 1}}, {"a": {"b": {}, "d": 1}}, ["a.b.c"]),
        (obj(a={"type": "object"}), {"a": {"b": 1}}, {"a": {}}, ["a.b"]),
        (
            obj(a=obj(spec=obj()) | {structural.EMBEDDED: True}),
            {"a": {"kind": "K", "metadata": {"name": "n"}, "x": 1}},
            {"a": {"kind": "K", "metadata": {"name": "n"}}},
            ["a.x"],
        ),
    ],
)
def test_pruning(schema, value, kept, unknown):
    walk = Walk()
    assert structural.prune(value, schema, walk) == kept
    assert walk.unknown == [f'unknown field "{path}"' for path in unknown]


@pytest.mark.parametrize(
    ("schema", "value", "complete"),
    [
        (obj(a=STRING | {"default": "x"}), {}, {"a": "x"}),
        (obj(a=STRING | {"default": "x"}), {"a": "y"}, {"a": "y"}),
        (obj(a=STRING | {"default": "x"}), {"a": None}, {"a": "x"}),
        (obj(a=STRING), {"a": None}, {}),
        (obj(a=STRING | {"nullable": True, "default": "x"}), {"a": None}, {"a": None}),
        (obj(a=obj(b=INTEGER | {"default": 1})), {}, {}),
        (obj(a=obj(b=INTEGER | {"default": 1}) | {"default": {}}), {}, {"a": {"b": 1}}),
        (
            obj(a={"type": "array", "items": obj(b=INTEGER | {"default": 1})}),
            {"a": [{}, {"b": 2}]},
            {"a": [{"b": 1}, {"b": 2}]},
        ),
        (
            {"type": "object", "additionalProperties": obj(b=INTEGER | {"default": 1})},
            {"k": {}},
            {"k": {"b": 1}},
        ),
    ],
)
def test_defaults(schema, value, complete):
    structural.complete(value, schema)
    assert value == complete


def test_defaults_are_not_shared():
    schema, first, second = obj(a={"type": "object", "default": {}}), {}, {}
    structural.complete(first, schema)
    structural.complete(second, schema)
    first["a"]["x"] = 1
    assert (second, schema["properties"]["a"]["default"]) == ({"a": {}}, {})


def complaints(schema, value, old=None):
    causes = Causes()
    structural_rules.check(causes, "", value, schema, old)
    return [f"{field}: {text}" for _, field, text in causes]


@pytest.mark.parametrize(
    ("schema", "value", "text"),
    [
        (INTEGER, "x", 'Invalid value: "string": a in body must be of type integer: "string"'),
        (INTEGER, True, 'Invalid value: "boolean": a in body must be of type integer: "boolean"'),
        (INTEGER, 1.5, 'Invalid value: "number": a in body must be of type integer: "number"'),
        (STRING, None, 'Invalid value: "null": a in body must be of type string: "null"'),
        (obj(), [], 'Invalid value: "array": a in body must be of type object: "array"'),
        (
            {structural.INT_OR_STRING: True},
            False,
            'Invalid value: "boolean": a in body must be of type integer,string: "boolean"',
        ),
        (
            INTEGER | {"maximum": 100},
            1000,
            "Invalid value: 1000: a in body should be less than or equal to 100",
        ),
        (
            INTEGER | {"maximum": 1, "exclusiveMaximum": True},
            1,
            "Invalid value: 1: a in body should be less than 1",
        ),
        (INTEGER | {"minimum": 0}, -1, "Invalid value: -1: a in body should be greater than or equal to 0"),
        (INTEGER | {"multipleOf": 5}, 7, "Invalid value: 7: a in body should be a multiple of 5"),
        (STRING | {"minLength": 1}, "", 'Invalid value: "": a in body should be at least 1 chars long'),
        (STRING | {"maxLength": 2}, "abc", "Too long: may not be more than 2 bytes"),
        (STRING | {"pattern": "^[a-z]+$"}, "A", "Invalid value: \"A\": a in body should match '^[a-z]+$'"),
        (STRING | {"enum": ["b", "a"]}, "c", 'Unsupported value: "c": supported values: "b", "a"'),
        (
            {"type": "array", "items": STRING, "minItems": 1},
            [],
            "Invalid value: 0: a in body should have at least 1 items",
        ),
        (
            {"type": "array", "items": STRING, "maxItems": 1},
            ["", ""],
            "Too many: 2: must have at most 1 items",
        ),
        (
            {"type": "object", "minProperties": 1},
            {},
            "Invalid value: 0: a in body should have at least 1 properties",
        ),
        (
            obj(b=STRING) | {"anyOf": [{"required": ["b"]}, {"required": ["c"]}]},
            {},
            'Invalid value: "": "a" must validate at least one schema (anyOf)',
        ),
        (
            ANY | {"oneOf": [{"required": ["b"]}, {"required": ["c"]}]},
            {},
            'Invalid value: "": "a" must validate one and only one schema (oneOf). Found none valid',
        ),
        (
            ANY | {"not": {"required": ["b"]}},
            {"b": 1},
            'Invalid value: "": "a" must not validate the schema (not)',
        ),
    ],
)
def test_rules(schema, value, text):
    assert complaints(obj(a=schema), {"a": value}) == [f"a: {text}"]


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (INTEGER, 3.0),
        ({"type": "number"}, 3),
        ({structural.INT_OR_STRING: True}, 3),
        ({structural.INT_OR_STRING: True}, "3"),
        (STRING | {"nullable": True}, None),
        (STRING | {"pattern": r"\pL+"}, "only Go understands this pattern"),
        (INTEGER | {"minimum": 0, "maximum": 0}, 0),
        ({}, {"anything": [1]}),
    ],
)
def test_values_that_are_fine(schema, value):
    assert complaints(obj(a=schema), {"a": value}) == []


def test_places():
    inner = obj(name=STRING) | {"required": ["name"]}
    schema = obj(spec=obj(groups={"type": "array", "items": obj(rules={"type": "array", "items": inner})}))
    value = {"spec": {"groups": [{}, {"rules": [{"name": 1}, {}]}]}}
    assert complaints(schema | {"required": ["status"]}, value) == [
        "status: Required value",
        'spec.groups[1].rules[0].name: Invalid value: "integer": '
        'spec.groups[1].rules[0].name in body must be of type string: "integer"',
        "spec.groups[1].rules[1].name: Required value",
    ]


def test_lists_that_are_sets_or_maps():
    as_set = {"type": "array", "items": STRING, "x-kubernetes-list-type": "set"}
    assert complaints(obj(a=as_set), {"a": ["x", "y", "x"]}) == ['a[2]: Duplicate value: "x"']
    as_map = {
        "type": "array",
        "items": obj(k=STRING, v=STRING),
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": ["k"],
    }
    found = complaints(obj(a=as_map), {"a": [{"k": "x", "v": "1"}, {"k": "x", "v": "2"}]})
    assert found == ['a[1]: Duplicate value: {"k":"x"}']


def test_what_has_not_changed_is_not_judged_again():
    schema, old = obj(a=INTEGER | {"maximum": 1}, b=INTEGER | {"maximum": 1}), {"a": 5, "b": 0}
    assert complaints(schema, {"a": 5, "b": 1}, old) == []
    assert [text.partition(":")[0] for text in complaints(schema, {"a": 6, "b": 1}, old)] == ["a"]
