"""What a CustomResourceDefinition changes in the API, without the controller that establishes it."""

import asyncio

import pytest

from raglab.pocket.api.registry import Registry
from raglab.pocket.config import Settings
from raglab.pocket.errors import StatusError
from raglab.pocket.kinds import catalogue

WIDGETS = "widgets.example.com"
SPEC = {
    "type": "object",
    "properties": {"size": {"type": "integer", "maximum": 9}, "mode": {"type": "string"}},
}


def version(name, *, storage=False, **more):
    schema = {"type": "object", "properties": {"spec": SPEC, "status": {"type": "object"}}}
    head = {"name": name, "served": True, "storage": storage}
    return head | {"schema": {"openAPIV3Schema": schema}} | more


def definition(*versions, **spec):
    names = {"kind": "Widget", "plural": "widgets"}
    versions = list(versions) or [version("v1", storage=True)]
    spec = {"group": "example.com", "scope": "Namespaced", "names": names, "versions": versions} | spec
    return {"metadata": {"name": WIDGETS}, "spec": spec}


def establish(api, *versions, **spec):
    api.create("customresourcedefinitions", definition(*versions, **spec), "")
    conditions = [{"type": "Established", "status": "True"}]
    change = {"status": {"conditions": conditions}}
    api.patch("customresourcedefinitions", WIDGETS, change, "merge", "", subresource="status")


def widget(name="w", **spec):
    return {"metadata": {"name": name}, "spec": spec}


def refused(call, *args, **more):
    with pytest.raises(StatusError) as error:
        call(*args, **more)
    return error.value


def test_a_kind_is_served_once_it_is_established(api):
    api.create("customresourcedefinitions", definition(), "")
    assert api.registry.kinds.resource("example.com", "v1", "widgets") is None
    api.delete("customresourcedefinitions", WIDGETS, "")
    api.patch("customresourcedefinitions", WIDGETS, {"metadata": {"finalizers": None}}, "merge", "")
    establish(api)
    assert api.registry.kinds.kind("example.com/v1", "Widget").singular == "widget"
    assert api.create(WIDGETS, widget(size=1))["metadata"]["generation"] == 1


def test_served_kinds_survive_a_new_start(api, tmp_path):
    establish(api)
    api.create(WIDGETS, widget(size=1))
    settings = Settings(state=tmp_path)
    again = Registry(api.store, catalogue.load(), api.registry.schemas, settings, api.clock)
    kind = again.kinds.plural(WIDGETS)
    assert again.get(kind, "default", "w")["spec"] == {"size": 1}


def test_versions_in_the_order_of_discovery(api):
    names = ["v1alpha1", "v2", "odd", "v1beta1", "v1", "v10"]
    establish(api, *(version(name, storage=name == "v1") for name in names))
    served = [kind.version for kind in api.registry.kinds.kinds if kind.group == "example.com"]
    assert served == ["v10", "v2", "v1", "v1beta1", "v1alpha1", "odd"]


def test_every_version_shows_the_same_objects(api):
    establish(api, version("v1"), version("v2", storage=True))
    made = api.create("widgets@example.com/v1", widget(size=1))
    assert made["apiVersion"] == "example.com/v1"
    assert api.get("widgets@example.com/v2", "w") == made | {"apiVersion": "example.com/v2"}
    stored = api.store.get("example.com/widgets", "default", "w").object
    assert stored["apiVersion"] == "example.com/v2"
    api.patch("widgets@example.com/v1", "w", {"spec": {"size": 2}}, "merge")
    assert api.get("widgets@example.com/v2", "w")["spec"] == {"size": 2}


def test_generations_and_the_status_with_and_without_subresource(api):
    establish(api)
    made = api.create(WIDGETS, widget() | {"status": {"a": 1}})
    assert made["status"] == {}  # pruned: the schema knows no field of it
    api.delete(WIDGETS, "w")
    free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    for subresources, kept, generation in (({}, {"a": 1}, 2), ({"status": {}}, None, 1)):
        one = version("v1", storage=True, subresources=subresources)
        one["schema"]["openAPIV3Schema"]["properties"]["status"] = free
        api.patch("customresourcedefinitions", WIDGETS, {"spec": {"versions": [one]}}, "merge", "")
        made = api.create(WIDGETS, widget() | {"status": {"a": 1}})
        assert made.get("status") == kept
        changed = api.patch(WIDGETS, "w", {"status": {"a": 2}}, "merge")
        assert (changed["metadata"]["generation"], "status" in changed) == (generation, kept is not None)
        api.delete(WIDGETS, "w")


def test_a_stricter_schema_does_not_lock_objects(api):
    establish(api)
    api.create(WIDGETS, widget(size=9, mode="a"))
    strict = version("v1", storage=True)
    strict["schema"]["openAPIV3Schema"]["properties"]["spec"] = {
        "type": "object",
        "properties": {"size": {"type": "integer", "maximum": 1}, "mode": {"type": "string"}},
    }
    api.patch("customresourcedefinitions", WIDGETS, {"spec": {"versions": [strict]}}, "merge", "")
    assert api.patch(WIDGETS, "w", {"spec": {"mode": "b"}}, "merge")["spec"]["mode"] == "b"
    assert refused(api.patch, WIDGETS, "w", {"spec": {"size": 8}}, "merge").code == 422


def test_metadata_is_that_of_every_object(api):
    establish(api)
    error = refused(api.create, WIDGETS, {"metadata": {"name": "w", "labels": {"a": 1}}, "spec": {}})
    assert error.message == (
        'Widget in version "v1" cannot be handled as a Widget: json: cannot unmarshal number into '
        "Go struct field ObjectMeta.metadata.labels of type string"
    )
    wrong = {"metadata": {"name": "w", "nosuch": 1}, "spec": {"b": 1, "a": 1}}
    error = refused(api.create, WIDGETS, wrong, field_validation="Strict")
    fields = ", ".join(f'unknown field "{field}"' for field in ("metadata.nosuch", "spec.a", "spec.b"))
    assert error.message.endswith(f"strict decoding error: {fields}")
    assert "RFC 1123" in refused(api.create, WIDGETS, widget("Not_A_Name")).message


def test_fields_that_select(api):
    establish(api, version("v1", storage=True, selectableFields=[{"jsonPath": ".spec.mode"}]))
    for name, mode in (("a", "x"), ("b", "y")):
        api.create(WIDGETS, widget(name, mode=mode))
    assert api.names(WIDGETS, fields="spec.mode=y") == ["b"]
    assert api.names(WIDGETS, fields="metadata.name!=b") == ["a"]
    error = refused(api.names, WIDGETS, fields="spec.size=1")
    assert (error.code, error.message) == (400, "field label not supported: spec.size")


def test_a_definition_waits_for_its_objects(api):
    establish(api)
    api.create(WIDGETS, widget())
    doomed, is_gone = api.delete("customresourcedefinitions", WIDGETS, "")
    assert not is_gone
    assert doomed["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    error = refused(api.create, WIDGETS, widget("new"))
    text = "create not allowed while custom resource definition is terminating"
    assert (error.code, error.message) == (405, text)
    api.delete(WIDGETS, "w")
    api.patch("customresourcedefinitions", WIDGETS, {"metadata": {"finalizers": None}}, "merge", "")
    with pytest.raises(KeyError):
        api.registry.kinds.plural(WIDGETS)


async def test_watches_end_with_their_version(api):
    establish(api, version("v1beta1"), version("v1", storage=True))
    old, new = (api.watch(f"widgets@example.com/{name}") for name in ("v1beta1", "v1"))
    first = [asyncio.create_task(anext(events)) for events in (old, new)]
    await asyncio.sleep(0)  # both are waiting
    api.create(WIDGETS, widget())
    assert [(await task).type for task in first] == ["ADDED", "ADDED"]
    following = asyncio.create_task(anext(old))
    await asyncio.sleep(0)
    only = {"spec": {"versions": [version("v1beta1", served=False), version("v1", storage=True)]}}
    api.patch("customresourcedefinitions", WIDGETS, only, "merge", "")
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(following, 10)
    api.delete(WIDGETS, "w")
    assert (await asyncio.wait_for(anext(new), 10)).type == "DELETED"
    api.delete("customresourcedefinitions", WIDGETS, "")
    api.patch("customresourcedefinitions", WIDGETS, {"metadata": {"finalizers": None}}, "merge", "")
    with pytest.raises(StopAsyncIteration):
        await asyncio.wait_for(anext(new), 10)


@pytest.mark.parametrize(
    ("change", "field", "text"),
    [
        ({"scope": "Everywhere"}, "spec.scope", 'Unsupported value: "Everywhere"'),
        ({"group": "nodots"}, "spec.group", "should be a domain with at least one dot"),
        ({"group": "x.k8s.io"}, "metadata.annotations[api-approved.kubernetes.io]", "protected groups"),
        ({"names": {"plural": "widgets"}}, "spec.names.kind", "Required value"),
        ({"versions": []}, "spec.versions", "must have at least one version"),
        ({"versions": [version("v1")]}, "spec.versions", "must have exactly one version marked as storage"),
        ({"versions": [version("V_1", storage=True)]}, "spec.versions[0].name", "DNS-1035"),
        (
            {"versions": [version("v1", storage=True), version("v1")]},
            "spec.versions",
            "must contain unique version names",
        ),
        (
            {"versions": [version("v1", storage=True, schema=None)]},
            "spec.versions[0].schema.openAPIV3Schema",
            "schemas are required",
        ),
        (
            {
                "versions": [
                    version(
                        "v1",
                        storage=True,
                        additionalPrinterColumns=[{"name": "A", "type": "text", "jsonPath": ".a[1:2]"}],
                    )
                ]
            },
            "spec.versions[0].additionalPrinterColumns[0].jsonPath",
            "is not part of a JSONPath",
        ),
        (
            {
                "versions": [
                    version(
                        "v1",
                        storage=True,
                        subresources={"scale": {"specReplicasPath": ".x", "statusReplicasPath": ".status.x"}},
                    )
                ]
            },
            "spec.versions[0].subresources.scale.specReplicasPath",
            "should be a json path under .spec",
        ),
        (
            {"conversion": {"strategy": "Webhook"}},
            "spec.conversion.strategy",
            "not part of the pocket cluster",
        ),
    ],
)
def test_wrong_definitions(api, change, field, text):
    error = refused(api.create, "customresourcedefinitions", definition(**change), "")
    assert error.code == 422
    found = {cause["field"]: cause["message"] for cause in error.details["causes"]}
    assert text in found[field]


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {"a": {"type": "array", "items": [{"type": "string"}]}}},
        {"type": "object", "properties": {"a": {"type": "array", "items": {"properties": 5}}}},
        {"type": "object", "additionalProperties": {"type": ["string"]}},
        {"type": "object", "properties": {"a": 1}},
        {"type": "object", "properties": {"a": {"type": "array"}}},
        {"type": "object", "properties": {"a": {"type": "text"}}},
        {"type": "object", "properties": {"a": {}}},
        {"type": "string"},
        {},
    ],
)
def test_schemas_that_are_none(api, schema):
    wrong = version("v1", storage=True, schema={"openAPIV3Schema": schema})
    assert refused(api.create, "customresourcedefinitions", definition(wrong), "").code in (400, 422)


def test_what_is_left_out_is_said(api):
    schema = {"type": "object", "x-kubernetes-validations": [{"rule": "self.a > 1"}]}
    warned = version("v1", storage=True, schema={"openAPIV3Schema": schema})
    warnings = []
    api.create("customresourcedefinitions", definition(warned), "", warnings=warnings)
    assert len(warnings) == 1
    assert "not evaluated" in warnings[0]


def test_names_and_scope_stay_once_they_are_established(api):
    establish(api)
    change = {"spec": {"scope": "Cluster", "names": {"kind": "Other"}}}
    error = refused(api.patch, "customresourcedefinitions", WIDGETS, change, "merge", "")
    assert [cause["field"] for cause in error.details["causes"]] == ["spec.scope", "spec.names.kind"]
