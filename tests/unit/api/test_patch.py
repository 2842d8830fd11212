"""Patches: what each kind does to an object, and in which words a bad one is refused."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raglab.pocket.api import patch, strategic
from raglab.pocket.errors import StatusError
from raglab.pocket.kinds import catalogue
from raglab.pocket.kinds.gotext import go_value

KINDS = catalogue.load()
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.text(max_size=3))
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abcd"), inner, max_size=4)
    ),
    max_leaves=12,
)
MAPS = st.dictionaries(st.sampled_from("abcd"), VALUES, max_size=4)


def without_nulls(value):
    if not isinstance(value, dict):
        return value
    return {key: without_nulls(item) for key, item in value.items() if item is not None}


@pytest.mark.parametrize(
    ("target", "change", "result"),
    [  # the examples of RFC 7386, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        (["a", "b"], ["c", "d"], ["c", "d"]),
        ({"a": "b"}, ["c"], ["c"]),
        ({"a": "foo"}, None, None),
        ({"a": "foo"}, "bar", "bar"),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ([1, 2], {"a": "b", "c": None}, {"a": "b"}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch_examples(target, change, result):
    assert patch.merge(target, change) == result


@given(MAPS, MAPS)
def test_merge_patch_twice_is_once_and_leaves_its_input_alone(target, change):
    before = copy.deepcopy((target, change))
    once = patch.merge(target, change)
    assert patch.merge(once, change) == once
    assert (target, change) == before


@given(MAPS, MAPS)
def test_strategic_without_schema_is_a_merge_patch(target, change):
    assert strategic.merge(target, change, None) == patch.merge(target, change)


ITEMS = st.lists(
    st.fixed_dictionaries({"name": st.sampled_from("abcdef")}, optional={"value": st.sampled_from("xyz")}),
    unique_by=lambda item: item["name"],
    max_size=5,
)


@given(ITEMS, ITEMS)
def test_strategic_twice_is_once_in_merged_lists(schemas, before, change):
    struct = schemas.root(KINDS.plural("pods"))

    def pod(env):
        return {"spec": {"containers": [{"name": "c", "env": env}]}}

    once = strategic.merge(pod(before), pod(change), struct)
    assert strategic.merge(once, pod(change), struct) == once
    (container,) = once["spec"]["containers"]
    names = [item["name"] for item in container["env"]]
    assert sorted(names) == sorted({item["name"] for item in [*before, *change]})
    assert names[: len(before)] == [item["name"] for item in before]


def container(name, image, *env):
    return {"name": name, "image": image, "env": [{"name": key, "value": value} for key, value in env]}


def deployment(*containers, **spec):
    return {"spec": {"template": {"spec": {"containers": list(containers)}}} | spec}


APPLIED = [
    pytest.param(  # kubectl set image
        deployment(container("query-router", "x:1"), container("side", "s:1")),
        deployment(
            {"name": "query-router", "image": "x:2"},
        ),
        deployment(container("query-router", "x:2"), container("side", "s:1")),
        id="one container by name",
    ),
    pytest.param(  # helm upgrade, as recorded: an order for containers and for their env
        deployment(container("nim", "n:1", ("MODEL_NAME", "llama-2-7b-chat"), ("OLD", "1"))),
        {
            "spec": {
                "template": {
                    "spec": {
                        "$setElementOrder/containers": [{"name": "nim"}],
                        "containers": [
                            {
                                "$setElementOrder/env": [{"name": "NEW"}, {"name": "MODEL_NAME"}],
                                "env": [
                                    {"name": "MODEL_NAME", "value": "mistral"},
                                    {"name": "NEW", "value": "2"},
                                    {"$patch": "delete", "name": "OLD"},
                                ],
                                "name": "nim",
                            }
                        ],
                    }
                }
            }
        },
        deployment(container("nim", "n:1", ("NEW", "2"), ("MODEL_NAME", "mistral"))),
        id="order and deletion inside an item",
    ),
    pytest.param(  # kubectl rollout restart
        deployment(container("a", "a:1")),
        {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}}}}},
        {
            "spec": {
                "template": {
                    "spec": {"containers": [container("a", "a:1")]},
                    "metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "now"}},
                }
            }
        },
        id="annotation that was not there",
    ),
    pytest.param(
        deployment(container("a", "a:1"), container("b", "b:1")),
        deployment(container("c", "c:1"), {"$patch": "replace"}),
        deployment(container("c", "c:1")),
        id="whole list replaced",
    ),
    pytest.param(
        deployment(strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}),
        {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}},
        deployment(strategy={"type": "Recreate"}),
        id="retained keys",
    ),
    pytest.param(
        deployment(strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}}),
        {"spec": {"strategy": {"$patch": "replace", "type": "Recreate"}}},
        deployment(strategy={"type": "Recreate"}),
        id="whole map replaced",
    ),
    pytest.param(
        {"metadata": {"finalizers": ["a", "b"]}},
        {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a"], "finalizers": ["c", "b"]}},
        {"metadata": {"finalizers": ["b", "c"]}},
        id="a set of plain values",
    ),
    pytest.param(
        {"spec": {"template": {"spec": {"tolerations": [{"key": "a"}]}}}},
        {"spec": {"template": {"spec": {"tolerations": [{"key": "b"}]}}}},
        {"spec": {"template": {"spec": {"tolerations": [{"key": "b"}]}}}},
        id="an atomic list",
    ),
    pytest.param(
        deployment(replicas=3),
        {"spec": {"replicas": None}},
        deployment(),
        id="null deletes",
    ),
]


@pytest.mark.parametrize(("before", "change", "after"), APPLIED)
def test_strategic_merge(schemas, before, change, after):
    struct, originals = schemas.root(KINDS.plural("deployments")), copy.deepcopy((before, change))
    assert strategic.merge(before, change, struct) == after
    assert (before, change) == originals


def test_service_ports_are_merged_by_number(schemas):
    before = {
        "spec": {"ports": [{"name": "a", "port": 8000}, {"name": "b", "port": 8005, "nodePort": 30005}]}
    }
    change = {"spec": {"ports": [{"port": 8005, "nodePort": 31092}]}}
    after = strategic.merge(before, change, schemas.root(KINDS.plural("services")))
    assert after["spec"]["ports"] == [
        {"name": "a", "port": 8000},
        {"name": "b", "port": 8005, "nodePort": 31092},
    ]


def test_items_that_no_order_names_stay_behind_what_they_followed(schemas):
    def pod(*names, **more):
        return {"spec": {"containers": [{"name": name} for name in names]} | more}

    order = {"$setElementOrder/containers": [{"name": "c"}, {"name": "a"}]}
    after = strategic.merge(pod("a", "server", "c"), pod("c", **order), schemas.root(KINDS.plural("pods")))
    assert [item["name"] for item in after["spec"]["containers"]] == ["c", "a", "server"]


def refused(call, *args, **kwargs):
    with pytest.raises(StatusError) as error:
        call(*args, **kwargs)
    return error.value


def test_json_patch(api, deployment):
    change = [
        {"op": "test", "path": "/spec/replicas", "value": 2},
        {"op": "replace", "path": "/spec/replicas", "value": 3},
        {"op": "add", "path": "/metadata/labels", "value": {"a": "b"}},
        {"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "web:2"},
    ]
    after = api.patch("deployments", "web", change, "json")
    assert (after["spec"]["replicas"], after["metadata"]["labels"]) == (3, {"a": "b"})
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "web:1"


@pytest.mark.parametrize(
    "change",
    [
        [{"op": "replace", "path": "/spec/nosuch/x", "value": 1}],
        [{"op": "test", "path": "/spec/replicas", "value": 9}],
        [{"op": "remove", "path": "/spec/nosuch"}],
        [{"op": "fly", "path": "/spec"}],
        [{"path": "/spec"}],
        ["nonsense"],
    ],
)
def test_json_patch_that_cannot_be_applied(api, deployment, change):
    error = refused(api.patch, "deployments", "web", change, "json")
    assert (error.code, error.reason) == (422, "Invalid")
    assert error.message == "the server rejected our request due to an error in our request"
    assert api.get("deployments", "web") is deployment


def test_unknown_fields_in_a_patch(api, deployment):
    error = refused(api.patch, "deployments", "web", {"spec": {"replcas": 3}}, field_validation="Strict")
    text = 'Invalid value: "map[spec:map[replcas:3]]": strict decoding error: unknown field "spec.replcas"'
    assert (error.code, error.message) == (422, f' "" is invalid: patch: {text}')
    assert error.details["causes"] == [{"reason": "FieldValueInvalid", "message": text, "field": "patch"}]
    assert api.patch("deployments", "web", {"spec": {"replcas": 3}}) is deployment


def test_wrong_types_in_a_patch(api, deployment):
    error = refused(api.patch, "deployments", "web", {"spec": {"replicas": "x"}})
    assert error.message == (
        ' "" is invalid: patch: Invalid value: "map[spec:map[replicas:x]]": unrecognized type: int32'
    )
    error = refused(api.patch, "deployments", "web", {"spec": {"replicas": "x"}}, "merge")
    shown = (
        ' "" is invalid: patch: Invalid value: "{\\"apiVersion\\":\\"apps/v1\\",\\"kind\\":\\"Deployment\\",'
    )
    assert error.message.startswith(
        shown
    )  # the patched object, as recorded for other patches than strategic ones
    assert "cannot unmarshal string into Go struct field" in error.message


@pytest.mark.parametrize("type", ["merge", "strategic-merge"])
def test_a_patch_must_be_a_map(api, deployment, type):
    error = refused(api.patch, "deployments", "web", [], type)
    assert (error.code, error.message) == (
        400,
        "json: cannot unmarshal array into Go value of type map[string]interface {}",
    )


def test_other_kinds_of_patch(api, deployment):
    assert refused(api.patch, "deployments", "web", {}, "apply").code == 415


def test_a_patch_may_insist_on_a_version(api, deployment):
    error = refused(api.patch, "deployments", "web", {"metadata": {"resourceVersion": "1"}}, "merge")
    assert (error.code, error.reason) == (409, "Conflict")


def test_go_map_printing():
    value = {"b": [1, {"c": True}], "a": None, "d": {"e": "x y"}}
    assert go_value(value) == "map[a:<nil> b:[1 map[c:true]] d:map[e:x y]]"
