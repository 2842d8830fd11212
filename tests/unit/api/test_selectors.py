"""Label and field selectors: what they mean, and how bad ones are refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raglab.pocket import selectors
from raglab.pocket.api import selectors as filters
from raglab.pocket.errors import StatusError
from raglab.pocket.kinds import catalogue

KINDS = catalogue.load()


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("", "abcd"),
        ("app=x", "ab"),
        ("app==x,tier=db", "b"),
        ("app!=x", "cd"),
        ("app in (x, y)", "abc"),
        ("app notin (x),tier", "c"),
        ("app", "abc"),
        ("!app", "d"),
        ("tier", "bc"),
        ("app in (x),!tier", "a"),
        ("tier=", "c"),
        ("size>3", "b"),
        ("size<5", "a"),
        ("size gt 3", "b"),
    ],
)
def test_text_selectors(text, accepted):
    labels = {
        "a": {"app": "x", "size": "3"},
        "b": {"app": "x", "tier": "db", "size": "5"},
        "c": {"app": "y", "tier": "", "size": "large"},
        "d": None,
    }
    selector = selectors.parse(text)
    assert "".join(name for name in "abcd" if selectors.matches(selector, labels[name])) == accepted


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "bad selector",
            "unable to parse requirement: found 'selector', expected: in, notin, =, ==, !=, gt, lt",
        ),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("=x", "found '=', expected: !, identifier, or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        (
            "a>b",
            'unable to parse requirement: values[0][a]: Invalid value: "b": '
            "for 'Gt', 'Lt' operators, the value must be an integer",
        ),
    ],
)
def test_unreadable_text(text, message):
    with pytest.raises(StatusError) as error:
        selectors.parse(text)
    assert (error.value.code, error.value.reason, error.value.message) == (400, "BadRequest", message)


@pytest.mark.parametrize("text", ["a=b@c", "-a=b", "a/b/c", "a=" + "x" * 64, "A.B/c"])
def test_bad_keys_and_values(text):
    with pytest.raises(StatusError, match="Invalid value"):
        selectors.parse(text)


def test_object_selectors():
    rules = [
        {"key": "tier", "operator": "In", "values": ["db", "web"]},
        {"key": "old", "operator": "DoesNotExist"},
    ]
    selector = selectors.from_object({"matchLabels": {"app": "x"}, "matchExpressions": rules})
    assert selectors.matches(selector, {"app": "x", "tier": "db"})
    assert not selectors.matches(selector, {"app": "x", "tier": "db", "old": ""})
    assert not selectors.matches(selector, {"app": "x"})
    assert selectors.matches(selectors.from_object({}), {})


WORDS = st.from_regex(r"[a-z]([a-z0-9_.-]{0,8}[a-z0-9])?", fullmatch=True).filter(
    lambda word: word not in ("in", "notin", "gt", "lt")
)
REQUIREMENTS = st.one_of(
    st.builds(
        lambda key, values: selectors.Requirement(key, "In", values), WORDS, st.frozensets(WORDS, min_size=1)
    ),
    st.builds(
        lambda key, values: selectors.Requirement(key, "NotIn", values),
        WORDS,
        st.frozensets(WORDS, min_size=1),
    ),
    st.builds(lambda key: selectors.Requirement(key, "Exists"), WORDS),
    st.builds(lambda key: selectors.Requirement(key, "DoesNotExist"), WORDS),
)
LABELS = st.dictionaries(WORDS, WORDS, max_size=4)


@given(st.lists(REQUIREMENTS, max_size=4), LABELS)
def test_text_and_meaning_agree(requirements, labels):
    again = selectors.parse(selectors.to_text(tuple(requirements)))
    assert selectors.matches(again, labels) == all(item.holds(labels) for item in requirements)


@given(WORDS, st.frozensets(WORDS, min_size=1), LABELS)
def test_in_and_notin_are_opposites(key, values, labels):
    inside = selectors.Requirement(key, "In", values)
    assert inside.holds(labels) is not selectors.Requirement(key, "NotIn", values).holds(labels)


POD = {
    "metadata": {"name": "p", "namespace": "a"},
    "spec": {"nodeName": "minikube"},
    "status": {"phase": "Running", "podIP": "127.10.0.1"},
}


@pytest.mark.parametrize(
    ("text", "accepted"),
    [
        ("metadata.name=p", True),
        ("metadata.name!=p", False),
        ("metadata.namespace==a,spec.nodeName=minikube", True),
        ("spec.nodeName=minikube,status.phase!=Succeeded,status.phase!=Failed", True),
        ("status.phase=Pending", False),
        ("spec.nodeName=", False),
        ("status.nominatedNodeName=", True),
        ("spec.hostNetwork=false", True),
        ("status.podIP=127.10.0.1", True),
        ("", True),
    ],
)
def test_field_selectors_on_pods(text, accepted):
    assert filters.compile(KINDS.plural("pods"), "", fields=text).accepts(POD) is accepted


def test_field_selectors_on_events():
    event = {
        "metadata": {"name": "e", "namespace": "a"},
        "involvedObject": {"kind": "Pod", "name": "p", "uid": "u"},
        "type": "Warning",
        "source": {"component": "kubelet"},
    }
    text = "involvedObject.name=p,involvedObject.uid=u,type=Warning,source=kubelet,reason="
    assert filters.compile(KINDS.plural("events"), "a", fields=text).accepts(event)
    assert not filters.compile(KINDS.plural("events"), "b", fields=text).accepts(event)


@pytest.mark.parametrize(
    ("resource", "text", "message"),
    [
        ("pods", "spec.nosuch=1", "field label not supported: spec.nosuch"),
        (
            "deployments",
            "status.replicas=2",
            '"status.replicas" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
        ("jobs", "spec.x=1", 'field label "spec.x" not supported for Job'),
        ("pods", "nonsense", "invalid selector: 'nonsense'; can't understand 'nonsense'"),
    ],
)
def test_refused_field_selectors(resource, text, message):
    with pytest.raises(StatusError) as error:
        filters.compile(KINDS.plural(resource), "", fields=text)
    assert (error.value.code, error.value.message) == (400, message)
