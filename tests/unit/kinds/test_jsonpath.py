"""The part of JSONPath that printer columns use."""

import pytest

from raglab.pocket.kinds import jsonpath

OBJECT = {
    "spec": {"groups": [{"name": "a"}, {"name": "b"}], "dotted.key": 1, "none": None},
    "status": {"conditions": [{"type": "Ready", "status": "True"}, {"type": "Old", "status": False}]},
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".spec.groups[0].name", ["a"]),
        (".spec.groups[-1].name", ["b"]),
        (".spec.groups[7].name", []),
        (".spec.groups[*].name", ["a", "b"]),
        ("{.spec.groups[1].name}", ["b"]),
        ("$.spec.groups[1].name", ["b"]),
        (r".spec.dotted\.key", [1]),
        (".spec['dotted.key']", [1]),
        ('.spec["dotted.key"]', [1]),
        (".spec.none", []),
        (".spec.absent.name", []),
        (".spec.groups.name", []),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type == 'Ready')].status", ["True"]),
        ('.status.conditions[?(@.type!="Ready")].status', [False]),
        (".status.conditions[?(@.status==false)].type", ["Old"]),
    ],
)
def test_paths(path, found):
    assert jsonpath.compile(path)(OBJECT) == found


@pytest.mark.parametrize("path", [".spec[", ".spec..name", ".spec[1:2]", ".spec[?(@.a>1)]", "]"])
def test_paths_that_are_not_understood(path):
    with pytest.raises(ValueError, match="JSONPath"):
        jsonpath.compile(path)


def test_paths_of_names():
    assert jsonpath.names(".spec['a.b'].replicas") == ("spec", "a.b", "replicas")
    with pytest.raises(ValueError, match="path of fields"):
        jsonpath.names(".spec.groups[0]")
