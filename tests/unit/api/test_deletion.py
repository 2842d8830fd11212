"""Deleting: at once, after a grace period, when finalizers are done; preconditions; namespaces."""

import pytest

from raglab.pocket.errors import StatusError


def bind(api, name="p"):
    api.create("pods", {"kind": "Binding", "metadata": {"name": name}, "target": {"name": "minikube"}})


def test_what_waits_for_nothing_goes_at_once(api):
    made = api.create("configmaps", {"metadata": {"name": "a"}})
    last, gone = api.delete("configmaps", "a")
    assert gone
    assert last["metadata"]["uid"] == made["metadata"]["uid"]
    assert not api.exists("configmaps", "a")
    with pytest.raises(StatusError, match='configmaps "a" not found'):
        api.delete("configmaps", "a")


def test_a_pod_that_never_ran_goes_at_once(api, pod):
    assert api.delete("pods", "p")[1]


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_goes_at_once(api, pod, phase):
    bind(api)
    api.patch("pods", "p", {"status": {"phase": phase}}, subresource="status")
    assert api.delete("pods", "p")[1]


def test_a_pod_on_a_node_stays_until_the_node_lets_it_go(api, pod):
    bind(api)
    doomed, gone = api.delete("pods", "p")
    meta = doomed["metadata"]
    assert not gone
    assert meta["deletionTimestamp"] == "2026-09-21T14:13:50Z"  # now and 30 seconds
    assert (meta["deletionGracePeriodSeconds"], meta["generation"]) == (30, 2)
    version = api.store.version
    assert api.delete("pods", "p")[0] == doomed  # asking again changes nothing
    assert api.delete("pods", "p", grace=60)[0] == doomed  # and cannot take longer
    assert api.store.version == version
    shorter = api.delete("pods", "p", grace=5)[0]["metadata"]
    assert (shorter["deletionTimestamp"], shorter["deletionGracePeriodSeconds"]) == (
        "2026-09-21T14:13:25Z",
        5,
    )
    assert shorter["generation"] == 2
    assert api.delete("pods", "p", grace=0)[1]
    assert not api.exists("pods", "p")


def test_a_terminating_pod_can_still_report(api, pod):
    bind(api)
    api.delete("pods", "p")
    after = api.patch("pods", "p", {"status": {"phase": "Running"}}, subresource="status")
    assert after["status"]["phase"] == "Running"
    assert "deletionTimestamp" in after["metadata"]


def test_finalizers_hold_an_object_until_the_last_is_gone(api):
    api.create("configmaps", {"metadata": {"name": "a", "finalizers": ["x/one", "x/two"]}})
    doomed, gone = api.delete("configmaps", "a")
    assert not gone
    assert doomed["metadata"]["deletionTimestamp"] == "2026-09-21T14:13:20Z"
    assert doomed["metadata"]["deletionGracePeriodSeconds"] == 0
    api.patch("configmaps", "a", {"metadata": {"finalizers": ["x/two"]}}, "merge")
    assert api.exists("configmaps", "a")
    with pytest.raises(StatusError) as error:
        api.patch("configmaps", "a", {"metadata": {"finalizers": ["x/two", "x/three"]}}, "merge")
    assert error.value.message == (
        'ConfigMap "a" is invalid: metadata.finalizers: Forbidden: no new finalizers can be added if the object is '
        'being deleted, found new finalizers []string{"x/three"}'
    )
    api.patch("configmaps", "a", {"metadata": {"finalizers": None}}, "merge")
    assert not api.exists("configmaps", "a")


@pytest.mark.parametrize(
    ("propagation", "finalizers"),
    [("", None), ("Background", None), ("Foreground", ["foregroundDeletion"]), ("Orphan", ["orphan"])],
)
def test_propagation_asks_the_garbage_collector(api, deployment, propagation, finalizers):
    doomed, gone = api.delete("deployments", "web", propagation=propagation)
    assert gone is (finalizers is None)
    assert doomed["metadata"].get("finalizers") == finalizers


def test_a_second_policy_replaces_the_first(api, deployment):
    api.delete("deployments", "web", propagation="Foreground")
    assert api.delete("deployments", "web", propagation="Orphan")[0]["metadata"]["finalizers"] == ["orphan"]
    assert api.delete("deployments", "web", propagation="Background")[1]


def test_preconditions(api):
    made = api.create("configmaps", {"metadata": {"name": "a"}})["metadata"]
    with pytest.raises(StatusError) as error:
        api.delete("configmaps", "a", uid="other")
    assert error.value.code == 409
    assert error.value.message == (
        'Operation cannot be fulfilled on configmaps "a": Precondition failed: UID in precondition: other, '
        f"UID in object meta: {made['uid']}"
    )
    with pytest.raises(StatusError, match="ResourceVersion in precondition: 1"):
        api.delete("configmaps", "a", resource_version="1")
    assert api.delete("configmaps", "a", uid=made["uid"], resource_version=made["resourceVersion"])[1]


def test_a_namespace_ends_when_it_is_finalized(api):
    api.create("namespaces", {"metadata": {"name": "lab"}}, "")
    doomed, gone = api.delete("namespaces", "lab", "")
    assert not gone
    assert doomed["status"]["phase"] == "Terminating"
    assert "deletionTimestamp" in doomed["metadata"]
    assert "deletionGracePeriodSeconds" not in doomed["metadata"]
    unchanged = api.update("namespaces", doomed | {"spec": {}}, "")
    assert unchanged["spec"] == {"finalizers": ["kubernetes"]}
    api.update("namespaces", doomed | {"spec": {}}, "", subresource="finalize")
    assert not api.exists("namespaces", "lab", "")


def test_some_namespaces_are_for_ever(api):
    with pytest.raises(StatusError) as error:
        api.delete("namespaces", "default", "")
    assert (error.value.code, error.value.message) == (
        403,
        'namespaces "default" is forbidden: this namespace may not be deleted',
    )


def test_a_claim_is_protected_until_its_finalizer_is_taken_away(api):
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    api.create("persistentvolumeclaims", {"metadata": {"name": "c"}, "spec": spec})
    assert not api.delete("persistentvolumeclaims", "c")[1]
    api.patch("persistentvolumeclaims", "c", {"metadata": {"finalizers": []}}, "merge")
    assert not api.exists("persistentvolumeclaims", "c")


def test_a_collection_is_deleted_by_selector(api):
    for name, tier in (("a", "x"), ("b", "y"), ("c", "x")):
        api.create("configmaps", {"metadata": {"name": name, "labels": {"tier": tier}}})
    from raglab.pocket.api.registry import DeleteOptions

    gone = api.registry.delete_collection(
        api.kind("configmaps"), "default", labels="tier=x", fields="", options=DeleteOptions()
    )
    assert [obj["metadata"]["name"] for obj in gone] == ["a", "c"]
    assert api.names("configmaps") == ["b"]
