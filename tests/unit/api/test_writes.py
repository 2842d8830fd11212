"""Create and update: identity, versions, who owns which part, and what is refused."""

import re

import pytest

from raglab.pocket.api.registry import Options
from raglab.pocket.errors import StatusError


def refused(code, call, *args, **kwargs):
    with pytest.raises(StatusError) as error:
        call(*args, **kwargs)
    assert error.value.code == code, error.value.message
    return error.value


def test_create_gives_identity(api):
    made = api.create(
        "configmaps", {"metadata": {"name": "a", "uid": "mine", "generation": 7}, "data": {"k": "v"}}
    )
    meta = made["metadata"]
    assert (made["apiVersion"], made["kind"]) == ("v1", "ConfigMap")
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", meta["uid"])
    assert meta["creationTimestamp"] == "2026-09-21T14:13:20Z"
    assert meta["namespace"] == "default"
    assert meta["resourceVersion"] == str(api.store.version)
    assert "generation" not in meta


@pytest.mark.parametrize(
    ("resource", "counted"),
    [("deployments", True), ("configmaps", False), ("services", False), ("secrets", False)],
)
def test_only_kinds_with_a_wanted_state_count_generations(api, deployment, resource, counted):
    specs = {"services": {"spec": {"ports": [{"port": 80}]}}}
    made = (
        deployment if counted else api.create(resource, {"metadata": {"name": "a"}} | specs.get(resource, {}))
    )
    assert made["metadata"].get("generation") == (1 if counted else None)


def test_generated_names(api):
    made = [
        api.create("configmaps", {"metadata": {"generateName": "cm-"}})["metadata"]["name"] for _ in range(9)
    ]
    assert len(set(made)) == 9
    assert all(re.fullmatch("cm-[bcdfghjklmnpqrstvwxz2456789]{5}", name) for name in made)


def test_create_without_a_name(api):
    error = refused(422, api.create, "configmaps", {"metadata": {}})
    assert error.message == (
        'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'
    )


def test_create_twice(api):
    api.create("configmaps", {"metadata": {"name": "a"}})
    error = refused(409, api.create, "configmaps", {"metadata": {"name": "a"}})
    assert (error.reason, error.message) == ("AlreadyExists", 'configmaps "a" already exists')


def test_create_with_a_version_or_in_the_wrong_namespace(api):
    error = refused(400, api.create, "configmaps", {"metadata": {"name": "a", "resourceVersion": "1"}})
    assert error.message == "resourceVersion should not be set on objects to be created"
    error = refused(400, api.create, "configmaps", {"metadata": {"name": "a", "namespace": "other"}})
    assert "does not match the namespace sent on the request" in error.message


def test_the_namespace_must_exist_and_stay(api):
    error = refused(404, api.create, "configmaps", {"metadata": {"name": "a"}}, "nowhere")
    assert error.message == 'namespaces "nowhere" not found'
    api.create("namespaces", {"metadata": {"name": "tmpns"}}, "")
    api.delete("namespaces", "tmpns", "")
    error = refused(403, api.create, "configmaps", {"metadata": {"name": "b"}}, "tmpns")
    assert error.message == (
        'configmaps "b" is forbidden: unable to create new content in namespace tmpns because it is being terminated'
    )
    assert error.details["causes"][0]["reason"] == "NamespaceTerminating"


def test_a_pod_needs_its_service_account(api):
    spec = {"serviceAccountName": "robot", "containers": [{"name": "c", "image": "i"}]}
    error = refused(403, api.create, "pods", {"metadata": {"name": "p"}, "spec": spec})
    assert error.message == (
        'pods "p" is forbidden: error looking up service account default/robot: serviceaccount "robot" not found'
    )


def test_a_claim_without_class_gets_the_newest_default(api):
    mark = {"storageclass.kubernetes.io/is-default-class": "true"}
    for number, name in enumerate(("old", "new", "plain")):
        api.clock.now += number
        annotations = {} if name == "plain" else mark
        meta = {"name": name, "annotations": annotations}
        api.create("storageclasses", {"metadata": meta, "provisioner": "example.com/x"}, "")
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    made = api.create("persistentvolumeclaims", {"metadata": {"name": "a"}, "spec": spec})
    assert made["spec"]["storageClassName"] == "new"
    assert made["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    made = api.create(
        "persistentvolumeclaims", {"metadata": {"name": "b"}, "spec": spec | {"storageClassName": ""}}
    )
    assert made["spec"]["storageClassName"] == ""


def test_unknown_fields_are_refused_reported_or_ignored(api):
    kind = api.kind("configmaps")
    obj = {"metadata": {"name": "a"}, "dta": {}, "x": 1}
    options = Options(field_validation="Strict")
    with pytest.raises(StatusError) as error:
        api.registry.create(kind, "default", obj, options)
    assert error.value.code == 400
    assert error.value.message == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: '
        'unknown field "dta", unknown field "x"'
    )
    options = Options()
    assert "dta" not in api.registry.create(kind, "default", obj, options)
    assert options.warnings == ['unknown field "dta"', 'unknown field "x"']
    options = Options(field_validation="Ignore")
    api.registry.update(kind, "default", "a", obj, options)
    assert options.warnings == []


def test_what_is_allowed_and_likely_a_mistake_is_told(api, deployment):
    kind, spec = api.kind("deployments"), deployment["spec"]
    twice = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    container = spec["template"]["spec"]["containers"][0] | {"env": twice}
    template = spec["template"] | {"spec": {"containers": [container]}}
    options = Options()
    wanted = {"metadata": {"name": "twice"}, "spec": spec | {"template": template}}
    stored = api.registry.create(kind, "default", wanted, options)
    hides = 'spec.template.spec.containers[0].env[1]: hides previous definition of "A"'
    assert [text.startswith(hides) for text in options.warnings] == [True]
    options = Options()
    labelled = stored | {"metadata": stored["metadata"] | {"labels": {"a": "b"}}}
    stored = api.registry.update(kind, "default", "twice", labelled, options)
    assert options.warnings == []
    scaled = stored | {"spec": stored["spec"] | {"replicas": 3}}
    api.registry.update(kind, "default", "twice", scaled, options)
    assert [text.startswith(hides) for text in options.warnings] == [True]


def test_a_dry_run_stores_nothing(api, deployment):
    version = api.store.version
    assert api.create("configmaps", {"metadata": {"generateName": "a-"}}, dry_run=True)["metadata"]["uid"]
    assert api.patch("deployments", "web", {"spec": {"replicas": 9}}, dry_run=True)["spec"]["replicas"] == 9
    _, gone = api.delete("deployments", "web", dry_run=True)
    assert gone
    assert api.store.version == version
    assert api.get("deployments", "web") == deployment


def test_update_replaces_and_counts(api, deployment):
    new = deployment | {"spec": deployment["spec"] | {"replicas": 5}}
    after = api.update("deployments", new)
    assert after["spec"]["replicas"] == 5
    assert after["metadata"]["generation"] == 2
    assert int(after["metadata"]["resourceVersion"]) > int(deployment["metadata"]["resourceVersion"])
    labelled = api.patch("deployments", "web", {"metadata": {"labels": {"a": "b"}}})
    assert labelled["metadata"]["generation"] == 2
    annotated = api.patch("deployments", "web", {"metadata": {"annotations": {"a": "b"}}})
    assert annotated["metadata"]["generation"] == 3  # annotations travel to the ReplicaSet


def test_an_update_without_a_change_is_not_written(api, deployment):
    version = api.store.version
    assert api.update("deployments", deployment) is deployment
    assert api.patch("deployments", "web", {"spec": {"replicas": 2}}) is deployment
    assert api.store.version == version


def test_update_from_an_old_version(api, deployment):
    api.patch("deployments", "web", {"spec": {"replicas": 3}})
    error = refused(409, api.update, "deployments", deployment)
    assert error.message == (
        'Operation cannot be fulfilled on deployments.apps "web": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )
    unversioned = {key: value for key, value in deployment["metadata"].items() if key != "resourceVersion"}
    assert api.update("deployments", deployment | {"metadata": unversioned})["spec"]["replicas"] == 2


def test_update_of_what_does_not_exist(api):
    error = refused(404, api.update, "deployments", {"metadata": {"name": "x"}})
    assert error.message == 'deployments.apps "x" not found'


def test_identity_cannot_be_changed(api, deployment):
    def with_meta(**meta):
        return deployment | {"metadata": deployment["metadata"] | meta}

    error = refused(409, api.update, "deployments", with_meta(uid="other"))
    assert "Precondition failed: UID in precondition: other" in error.message
    error = refused(400, api.update, "deployments", with_meta(namespace="other"))
    assert error.message.startswith("the namespace of the object (other) does not match")
    error = refused(422, api.update, "deployments", with_meta(creationTimestamp="2020-01-01T00:00:00Z"))
    assert error.details["causes"][0]["field"] == "metadata.creationTimestamp"
    error = refused(400, api.patch, "deployments", "web", {"metadata": {"name": "other"}})
    assert error.message == "the name of the object (other) does not match the name on the URL (web)"
    sent = with_meta(
        generation=50, deletionTimestamp="2020-01-01T00:00:00Z", managedFields=[{"manager": "x"}]
    )
    assert api.update("deployments", sent) is deployment


def test_each_part_has_its_own_way_in(api, deployment):
    both = deployment | {"spec": deployment["spec"] | {"replicas": 7}, "status": {"replicas": 1}}
    assert api.update("deployments", both, subresource="status")["spec"]["replicas"] == 2
    assert api.get("deployments", "web")["status"] == {"replicas": 1}
    both["metadata"] = both["metadata"] | {"resourceVersion": ""}
    after = api.update("deployments", both | {"status": {"replicas": 99}})
    assert (after["spec"]["replicas"], after["status"]) == (7, {"replicas": 1})
    assert after["metadata"]["generation"] == 2


def test_a_status_sent_with_a_create_is_dropped(api):
    made = api.create(
        "services", {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 1}]}, "status": {"x": 1}}
    )
    assert made["status"] == {"loadBalancer": {}}


def test_binding_puts_a_pod_on_a_node_once(api, pod):
    binding = {"kind": "Binding", "metadata": {"name": "p"}, "target": {"kind": "Node", "name": "minikube"}}
    bound = api.create("pods", binding)
    assert bound["spec"]["nodeName"] == "minikube"
    assert bound["status"]["conditions"][0]["type"] == "PodScheduled"
    assert bound["metadata"]["generation"] == 1
    error = refused(409, api.create, "pods", binding)
    assert error.message.endswith('pod p is already assigned to node "minikube"')


def test_scale(api, deployment):
    scale = api.get("deployments", "web", "scale")
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert (scale["spec"], scale["status"]) == ({"replicas": 2}, {"replicas": 0, "selector": "app=web"})
    for type in ("merge", "strategic-merge"):
        after = api.patch("deployments", "web", {"spec": {"replicas": 4}}, type, subresource="scale")
        assert after["spec"] == {"replicas": 4}
    stored = api.get("deployments", "web")
    assert (stored["spec"]["replicas"], stored["metadata"]["generation"]) == (4, 2)
    error = refused(409, api.update, "deployments", scale, subresource="scale")
    assert error.reason == "Conflict"
    error = refused(422, api.patch, "deployments", "web", {"spec": {"replicas": -1}}, subresource="scale")
    assert error.details["causes"][0]["field"] == "spec.replicas"
    assert api.patch("deployments", "web", {"spec": {"replicas": 0}}, subresource="scale")["spec"] == {}
