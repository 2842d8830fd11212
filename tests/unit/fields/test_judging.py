"""What is wrong with an applied configuration, in recorded words and those of structured-merge-diff."""

import pytest
from hypothesis import given

from raglab.pocket.errors import StatusError
from raglab.pocket.fields import applying, judging
from raglab.pocket.kinds import catalogue
from tests.unit.fields.example import OBJECTS, VIEW

DEPLOYMENT = catalogue.load().plural("deployments")


def refusal(views, spec):
    meta = {"name": "query-router", "namespace": "rag-sample"}
    config = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}
    with pytest.raises(StatusError) as caught:
        applying.check(DEPLOYMENT, views.of(DEPLOYMENT), config)
    return caught.value


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        ({"replcas": 2}, ".spec.replcas: field not declared in schema"),
        ({"replicas": "two"}, ".spec.replicas: expected numeric (int or float), got string"),
    ],
)
def test_recorded_refusals(views, spec, reason):
    error = refusal(views, spec)
    about = "rag-sample/query-router; apps/v1, Kind=Deployment"
    assert error.message == f"failed to create typed patch object ({about}): {reason}"
    assert (error.code, error.reason) == (500, "")


FAULTS = [
    ({"text": 1}, ".text: expected string, got &value.valueUnstructured{Value:1}"),
    ({"text": {"a": [True]}}, '{Value:map[string]interface {}{"a":[]interface {}{true}}}'),
    ({"number": True}, ".number: expected numeric (int or float), got bool"),
    ({"inner": {"on": "yes"}}, ".inner.on: expected boolean, got &{yes}"),
    ({"inner": ["a"]}, ".inner: expected map, got &{[a]}"),
    ({"list": {"a": 1}}, ".list: expected list, got &{map[a:1]}"),
    ({"list": [1, "b"]}, ".list[1]: expected numeric (int or float), got string"),
    ({"set": ["a", "a"]}, '.set: duplicate entries for key [="a"]'),
    (
        {"set": [None]},
        ".set: element 0: associative list without keys has an element that's an explicit null",
    ),
    ({"set": [{}]}, ".set: element 0: associative list without keys has an element that's a map type"),
    ({"ports": [1]}, ".ports: element 0: associative list with keys may not have non-map elements"),
    (
        {"ports": [{"name": "a"}]},
        '.ports: element 0: associative list with keys has an element that omits key field "port" '
        "(and doesn't have default value)",
    ),
    ({"ports": [{"port": 1, "x": 1}]}, '.ports[port=1,protocol="TCP"].x: field not declared in schema'),
]


@pytest.mark.parametrize(("config", "fault"), FAULTS)
def test_faults(config, fault):
    (found,) = judging.faults(config, VIEW)
    assert found.endswith(fault)


def test_several_faults_are_told_together():
    found = list(judging.faults({"number": "a", "text": 1}, VIEW))
    assert judging.told(found).splitlines()[0] == "errors:"
    assert [line[:3] for line in judging.told(found).splitlines()[1:]] == ["  ."] * 2


@given(OBJECTS)
def test_what_fits_has_no_faults(obj):
    assert not list(judging.faults(obj, VIEW))


def test_nulls_and_what_nobody_declares_fit_anywhere():
    assert not list(judging.faults({"text": None, "ports": None, "free": {"a": [{"b": None}]}}, VIEW))
