import copy

import pytest

from raglab.pocket.errors import StatusError
from raglab.pocket.kinds import validation

from .cases import changed, load

REFUSED = load("refused.yaml")


@pytest.mark.parametrize("name", REFUSED["bases"])
def test_the_bases_themselves_are_fine(name, complete, kind_of):
    obj = complete(REFUSED["bases"][name])
    assert validation.validate(kind_of(obj), obj, None) == []
    assert validation.validate(kind_of(obj), copy.deepcopy(obj), obj) == []


@pytest.mark.parametrize("case", REFUSED["cases"], ids=lambda case: f"{case['base']}-{','.join(case['set'])}")
def test_refusals(case, complete, kind_of):
    base = REFUSED["bases"][case["base"]]
    old = complete(base) if case.get("update") else None
    obj = complete(changed(old or base, case["set"]), old)
    said = [f"{field}: {message}" for _, field, message in validation.validate(kind_of(base), obj, old)]
    if case.get("starts"):
        said = [text[: len(wanted)] for text, wanted in zip(said, case["says"], strict=True)]
    assert said == case["says"]


def test_a_refused_change_is_shown_as_a_diff(complete, kind_of):
    old = complete(REFUSED["bases"]["pod"])
    new = changed(old, {"spec.containers.0.env.0.value": "2"})
    [(_, _, message)] = validation.validate(kind_of(old), new, old)
    assert '-     "Value": "1"\n+     "Value": "2"\n' in message


def test_claims_of_fixed_volumes_cannot_grow(complete, kind_of):
    old = complete(REFUSED["bases"]["pvc"])
    new = changed(old, {"spec.resources.requests.storage": "60Gi"})
    with pytest.raises(StatusError, match="only dynamically provisioned pvc can be resized") as refusal:
        validation.validate(kind_of(old), new, old)
    assert refusal.value.code == 403


@pytest.mark.parametrize(
    ("kind", "field", "value", "place"),
    [("ConfigMap", "data", "x" * (2**20 + 1), "[]"), ("Secret", "data", "eHh4" * (2**20 // 3 + 1), "data")],
)
def test_size_limit(kind, field, value, place, kind_of):
    obj = {"apiVersion": "v1", "kind": kind, "metadata": {"name": "big"}, field: {"a": value}}
    message = "Too long: may not be more than 1048576 bytes"
    assert validation.validate(kind_of(obj), obj, None) == [("FieldValueTooLong", place, message)]


def test_reasons_are_machine_readable(complete, kind_of):
    obj = complete(changed(REFUSED["bases"]["service"], {"spec.ports": None}))
    assert validation.validate(kind_of(obj), obj, None) == [
        ("FieldValueRequired", "spec.ports", "Required value")
    ]


def test_hidden_variables_are_warned_about(complete, kind_of):
    variables = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    obj = complete(
        changed(REFUSED["bases"]["deployment"], {"spec.template.spec.containers.0.env": variables})
    )
    rule = 'hides previous definition of "A", which may be dropped when using apply'
    assert validation.warnings(kind_of(obj), obj) == [f"spec.template.spec.containers[0].env[1]: {rule}"]


@pytest.mark.parametrize(("base", "at"), [("job", "spec"), ("cronjob", "spec.jobTemplate.spec")])
def test_what_nobody_acts_on_is_warned_about(base, at, complete, kind_of):
    obj = complete(changed(REFUSED["bases"][base], {f"{at}.backoffLimitPerIndex": 1}))
    assert validation.warnings(kind_of(obj), obj) == [
        f"{at}.backoffLimitPerIndex: the pocket cluster stores this and does not act on it; a real cluster does"
    ]
