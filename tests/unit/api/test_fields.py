"""managedFields of stored objects, and server-side apply, through the registry."""

import json
from pathlib import Path

import pytest

from raglab.pocket.errors import StatusError
from raglab.pocket.fields import sets

CREATED = json.loads((Path(__file__).parent / "data" / "created.json").read_text())
"""Manifests that were applied to a real Kubernetes 1.36, and the fields that kubectl owned afterwards."""
LAST = "kubectl.kubernetes.io/last-applied-configuration"


def apply(api, resource, name, namespace="default", manager="me", **config):
    options = {key: config.pop(key) for key in ("force", "dry_run", "subresource") if key in config}
    kind = api.kind(resource)
    meta = {"name": name} | config.pop("metadata", {})
    sent = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta} | config
    return api.apply(resource, name, sent, namespace, field_manager=manager, **options)


def owners(obj):
    return {
        (entry["manager"], entry["operation"], entry.get("subresource", "")): list(
            sets.paths(entry["fieldsV1"])
        )
        for entry in obj["metadata"].get("managedFields", ())
    }


@pytest.mark.parametrize("case", CREATED, ids=lambda case: case["sent"]["kind"])
def test_a_create_owns_what_a_real_server_recorded(api, case):
    sent = json.loads(json.dumps(case["sent"]))
    kind = api.registry.kinds.kind(sent["apiVersion"], sent["kind"])
    sent["metadata"].pop("namespace", None)
    sent["metadata"]["annotations"] = sent["metadata"].get("annotations", {}) | {LAST: "{}"}
    where = "default" if kind.namespaced else ""
    made = api.create(f"{kind.plural}.{kind.group}", sent, where, field_manager="kubectl-client-side-apply")
    (entry,) = made["metadata"]["managedFields"]
    assert entry["fieldsV1"] == case["fields"]
    assert (entry["manager"], entry["operation"]) == ("kubectl-client-side-apply", "Update")
    assert (entry["apiVersion"], entry["time"]) == (kind.api_version, "2026-09-21T14:13:20Z")


def test_every_way_of_writing_is_told_apart(api, deployment):
    api.patch(
        "deployments", "web", {"spec": {"replicas": 3}}, field_manager="kubectl-scale", subresource="scale"
    )
    status = {"status": {"replicas": 3, "observedGeneration": 1}}
    api.patch("deployments", "web", status, field_manager="controller", subresource="status")
    labels = {"metadata": {"labels": {"a": "b"}}}
    api.patch("deployments", "web", labels, "merge", field_manager="kubectl-label")
    found = owners(api.get("deployments", "web"))
    assert found["kubectl-scale", "Update", "scale"] == [".spec.replicas"]
    assert found["controller", "Update", "status"] == [".status.observedGeneration", ".status.replicas"]
    assert found["kubectl-label", "Update", ""] == [".metadata.labels", ".metadata.labels.a"]
    assert ".spec.replicas" not in found["unknown", "Update", ""]


def test_a_scale_by_apply_is_owned_as_scale(api, deployment):
    head = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "web"}}
    scaled = head | {"spec": {"replicas": 5}}
    api.apply("deployments", "web", scaled, field_manager="me", subresource="scale", force=True)
    stored = api.get("deployments", "web")
    assert stored["spec"]["replicas"] == 5
    assert owners(stored)["me", "Apply", "scale"] == [".spec.replicas"]


def test_the_two_versions_of_an_autoscaler_share_their_managers(api):
    target = {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}
    spec = {
        "maxReplicas": 3,
        "minReplicas": 1,
        "scaleTargetRef": target,
        "targetCPUUtilizationPercentage": 50,
    }
    api.create(
        "horizontalpodautoscalers@autoscaling/v1",
        {"metadata": {"name": "h"}, "spec": spec},
        field_manager="old",
    )
    api.patch(
        "horizontalpodautoscalers@autoscaling/v2", "h", {"spec": {"maxReplicas": 5}}, field_manager="new"
    )
    found = owners(api.get("horizontalpodautoscalers", "h"))
    assert found["new", "Update", ""] == [".spec.maxReplicas"]
    assert ".spec.minReplicas" in found["old", "Update", ""]
    assert ".spec.maxReplicas" not in found["old", "Update", ""]


def test_an_update_that_changes_nothing_is_not_written(api):
    made = api.create("configmaps", {"metadata": {"name": "a"}, "data": {"x": "1"}}, field_manager="one")
    assert api.update("configmaps", made, field_manager="two") is api.get("configmaps", "a") is made


def test_clients_may_leave_managers_out_and_may_set_them(api):
    made = api.create("configmaps", {"metadata": {"name": "a"}, "data": {"x": "1"}}, field_manager="one")
    plain = {"metadata": {"name": "a"}, "data": {"x": "2"}}
    assert list(owners(api.update("configmaps", plain, field_manager="two"))) == [
        ("one", "Update", ""),
        ("two", "Update", ""),
    ]
    handed = [made["metadata"]["managedFields"][0] | {"manager": "three"}]
    replace = [{"op": "replace", "path": "/metadata/managedFields", "value": handed}]
    assert list(owners(api.patch("configmaps", "a", replace, "json"))) == [("three", "Update", "")]
    reset = {"metadata": {"name": "a", "managedFields": [{}]}, "data": {"x": "2"}}
    assert owners(api.update("configmaps", reset)) == {}
    assert owners(api.update("configmaps", plain | {"data": {"x": "3"}})) == {}


def test_managers_that_make_no_sense_are_refused(api):
    api.create("configmaps", {"metadata": {"name": "a"}}, field_manager="one")
    wrong = [{"manager": "x", "operation": "Patch", "apiVersion": "v1", "fieldsV1": {"f:data": {}}}]
    with pytest.raises(StatusError) as caught:
        api.update("configmaps", {"metadata": {"name": "a", "managedFields": wrong}})
    assert "metadata.managedFields[0].operation" in caught.value.message


def test_apply_creates_and_then_changes(api):
    made = apply(api, "configmaps", "a", data={"x": "1", "y": "2"})
    assert made["data"] == {"x": "1", "y": "2"} and "uid" in made["metadata"]
    api.clock.now += 1
    changed = apply(api, "configmaps", "a", data={"x": "2"})
    assert changed["data"] == {"x": "2"}
    assert changed["metadata"]["managedFields"][0]["time"] == "2026-09-21T14:13:21Z"


def test_an_apply_that_changes_nothing_is_not_written(api):
    made = apply(api, "deployments", "web", spec=SPEC)
    api.clock.now += 1
    assert apply(api, "deployments", "web", spec=SPEC) is made
    quantities = json.loads(json.dumps(SPEC))
    quantities["template"]["spec"]["containers"][0]["resources"]["limits"]["cpu"] = "1000m"
    assert apply(api, "deployments", "web", spec=quantities) is made


SPEC = {
    "selector": {"matchLabels": {"app": "web"}},
    "template": {
        "metadata": {"labels": {"app": "web"}},
        "spec": {"containers": [{"name": "c", "image": "i", "resources": {"limits": {"cpu": 1}}}]},
    },
}


def test_a_container_of_ones_own_beside_anothers(api):
    apply(api, "deployments", "web", spec=SPEC)
    side = {"template": {"spec": {"containers": [{"name": "side", "image": "s"}]}}}
    both = apply(api, "deployments", "web", manager="mesh", spec=side)
    assert [item["name"] for item in both["spec"]["template"]["spec"]["containers"]] == ["c", "side"]
    alone = apply(api, "deployments", "web", manager="mesh")
    assert [item["name"] for item in alone["spec"]["template"]["spec"]["containers"]] == ["c"]


def test_a_dry_run_stores_nothing(api):
    assert apply(api, "configmaps", "a", data={"x": "1"}, dry_run=True)["data"] == {"x": "1"}
    assert not api.exists("configmaps", "a")


def test_an_object_without_managers_belongs_to_the_time_before(api):
    made = api.create("configmaps", {"metadata": {"name": "a"}, "data": {"x": "1"}})
    api.update("configmaps", made | {"metadata": made["metadata"] | {"managedFields": [{}]}})
    with pytest.raises(StatusError) as caught:
        apply(api, "configmaps", "a", data={"x": "2"})
    assert (
        caught.value.message
        == 'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.x'
    )


def test_a_status_is_applied_to_its_own_endpoint_only(api, deployment):
    ignored = apply(api, "deployments", "web", status={"replicas": 7})
    assert "replicas" not in ignored["status"]
    told = apply(
        api, "deployments", "web", status={"replicas": 7}, spec={"paused": True}, subresource="status"
    )
    assert told["status"]["replicas"] == 7 and "paused" not in told["spec"]
    assert owners(told)["me", "Apply", "status"] == [".status.replicas"]


def test_a_subresource_of_nothing_is_not_found(api):
    with pytest.raises(StatusError) as caught:
        apply(api, "deployments", "web", status={"replicas": 7}, subresource="status")
    assert caught.value.code == 404


@pytest.mark.parametrize(
    ("config", "code", "message"),
    [
        ({"apiVersion": "apps/v1"}, 400, "Specified patch version: apps/v1, expected: v1"),
        ({"metadata": {"managedFields": []}}, 400, "metadata.managedFields must be nil"),
        (
            {"metadata": {"name": "b"}},
            400,
            "the name of the object (b) does not match the name on the URL (a)",
        ),
        ({"metadata": "x"}, 500, ".metadata: expected map, got &{x}"),
        ({"data": ["x"]}, 500, ".data: expected map, got &{[x]}"),
        ({"data": {"x": 1}}, 500, ".data.x: expected string, got &value.valueUnstructured{Value:1}"),
    ],
)
def test_refused(api, config, code, message):
    sent = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}} | config
    with pytest.raises(StatusError) as caught:
        api.apply("configmaps", "a", sent, field_manager="me")
    assert caught.value.code == code and message in caught.value.message


def test_kubectl_takes_over_what_it_applied_before(api):
    last = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"x": "1"}}
    before = {
        "metadata": {"name": "a", "annotations": {LAST: json.dumps(last)}},
        "data": {"x": "1", "y": "1"},
    }
    api.create("configmaps", before, field_manager="kubectl-client-side-apply")
    changed = apply(api, "configmaps", "a", manager="kubectl", data={"x": "<2>"})
    expected = r'{"apiVersion":"v1","data":{"x":"\u003c2\u003e"},"kind":"ConfigMap","metadata":{"name":"a"}}'
    assert changed["metadata"]["annotations"][LAST] == expected + "\n"
    with pytest.raises(StatusError, match=r'"kubectl-client-side-apply" using v1: \.data\.y'):
        apply(api, "configmaps", "a", manager="kubectl", data={"x": "<2>", "y": "2"})
