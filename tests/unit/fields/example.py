"""A kind with every way of owning fields, and values of it."""

from hypothesis import strategies as st

from raglab.pocket.fields.views import of_schema

TEXT, NUMBER = {"type": "string"}, {"type": "integer"}
PORT = {
    "type": "object",
    "properties": {"port": NUMBER, "protocol": TEXT | {"default": "TCP"}, "name": TEXT},
}
SCHEMA = {
    "type": "object",
    "properties": {
        "text": TEXT,
        "number": NUMBER,
        "labels": {"type": "object", "additionalProperties": TEXT},
        "whole": {"type": "object", "additionalProperties": TEXT, "x-kubernetes-map-type": "atomic"},
        "list": {"type": "array", "items": NUMBER},
        "set": {"type": "array", "items": TEXT, "x-kubernetes-list-type": "set"},
        "ports": {
            "type": "array",
            "items": PORT,
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["port", "protocol"],
        },
        "inner": {"type": "object", "properties": {"text": TEXT, "on": {"type": "boolean"}}},
        "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}
VIEW = of_schema(SCHEMA)
"""All of the rules in one structure."""

ORDERLESS = ("set", "ports")
"""Lists whose order says nothing, as their items are told by value or by keys."""

TEXTS, NUMBERS = st.sampled_from("abc"), st.integers(1, 3)


def unique(items, key):
    return st.lists(items, max_size=3, unique_by=key)


def some(**fields):
    """A map with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


PORTS = unique(
    st.fixed_dictionaries(
        {"port": NUMBERS, "protocol": st.sampled_from(["TCP", "UDP"])}, optional={"name": TEXTS}
    ),
    lambda item: (item["port"], item["protocol"]),
)
FREE = st.recursive(TEXTS, lambda inner: st.dictionaries(TEXTS, inner, max_size=2), max_leaves=4)
OBJECTS = some(
    text=TEXTS,
    number=NUMBERS,
    labels=st.dictionaries(TEXTS, TEXTS, max_size=3),
    whole=st.dictionaries(TEXTS, TEXTS, max_size=2),
    list=st.lists(NUMBERS, max_size=3),
    set=unique(TEXTS, lambda item: item),
    ports=PORTS,
    inner=some(text=TEXTS, on=st.booleans()),
    free=st.dictionaries(TEXTS, FREE, max_size=2),
)
