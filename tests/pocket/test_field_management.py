"""Who owns which field, as kubectl and the Python client see it: server-side apply, conflicts, managedFields, diff."""

import pytest
import yaml
from kubernetes import client, config

pytestmark = pytest.mark.pocket


def config_map(name="demo", **data):
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def apply(cluster, namespace, obj, *flags, run=None):
    command = ("apply", "--server-side", "-n", namespace, *flags, "-f", "-")
    return (run or cluster.kubectl)(*command, stdin=yaml.safe_dump(obj))


def managers(cluster, namespace, what):
    """(manager, operation, subresource) of each entry, in order, and their fields."""
    shown = cluster.kubectl("get", what, "-n", namespace, "-o", "yaml", "--show-managed-fields")
    entries = yaml.safe_load(shown)["metadata"]["managedFields"]
    return [((e["manager"], e["operation"], e.get("subresource", "")), e["fieldsV1"]) for e in entries]


def test_from_client_side_to_server_side_and_back(cluster, namespace):
    """The recorded sequence: two ways of applying and two managers on one ConfigMap."""
    first, second = config_map(a="1", b="2"), config_map(a="1", b="3")
    cluster.apply(first, namespace=namespace)
    cluster.apply(second, namespace=namespace)
    last = {"f:annotations": {".": {}, "f:kubectl.kubernetes.io/last-applied-configuration": {}}}
    (entry,) = managers(cluster, namespace, "configmap/demo")
    owned = {"f:data": {".": {}, "f:a": {}, "f:b": {}}, "f:metadata": last}
    assert entry == (("kubectl-client-side-apply", "Update", ""), owned)

    assert apply(cluster, namespace, second) == "configmap/demo serverside-applied\n"
    assert [who for who, _ in managers(cluster, namespace, "configmap/demo")] == [
        ("kubectl", "Apply", ""),
        ("kubectl-last-applied", "Apply", ""),
    ]
    refusal = apply(cluster, namespace, first, "--field-manager=other", run=cluster.refused)
    assert refusal.startswith(
        'error: Apply failed with 1 conflict: conflict with "kubectl": .data.b\nPlease review'
    )
    apply(cluster, namespace, first, "--field-manager=other", "--force-conflicts")
    cluster.apply(second, namespace=namespace)
    last["f:annotations"].pop(".")
    assert managers(cluster, namespace, "configmap/demo") == [
        (("kubectl", "Apply", ""), {"f:data": {"f:a": {}}}),
        (("other", "Apply", ""), {"f:data": {"f:a": {}}}),
        (("kubectl-client-side-apply", "Update", ""), {"f:data": {"f:b": {}}, "f:metadata": last}),
    ]
    assert "managedFields" not in cluster.kubectl("get", "configmap/demo", "-n", namespace, "-o", "yaml")


def test_each_command_is_a_manager_of_its_own(cluster, namespace):
    cluster.kubectl(
        "create", "deployment", "web", "--image=example.com/wait:1", "--replicas=0", "-n", namespace
    )
    cluster.kubectl("scale", "deployment/web", "--replicas=1", "-n", namespace)
    cluster.kubectl("label", "deployment/web", "tier=front", "-n", namespace)
    cluster.kubectl("rollout", "status", "deployment/web", "-n", namespace, "--timeout=60s")
    found = dict(managers(cluster, namespace, "deployment/web"))
    assert found["kubectl", "Update", "scale"] == {"f:spec": {"f:replicas": {}}}
    assert found["kubectl-label", "Update", ""] == {"f:metadata": {"f:labels": {"f:tier": {}}}}
    assert "f:conditions" in found["kube-controller-manager", "Update", "status"]["f:status"]
    assert "f:replicas" not in found["kubectl-create", "Update", ""]["f:spec"]
    pods = cluster.json("get", "pods", "-n", namespace, "--show-managed-fields")["items"]
    owners = {(e["manager"], e.get("subresource")) for e in pods[0]["metadata"]["managedFields"]}
    assert owners == {("kube-controller-manager", None), ("kubelet", "status")}


def test_an_autoscaler_and_a_manifest_without_replicas_share_a_deployment(cluster, namespace):
    spec = {
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "example.com/wait:1"}]},
        },
    }
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}
    apply(cluster, namespace, deployment | {"spec": spec | {"replicas": 0}})
    cluster.kubectl("scale", "deployment/web", "--replicas=1", "-n", namespace)
    refusal = apply(cluster, namespace, deployment | {"spec": spec | {"replicas": 0}}, run=cluster.refused)
    assert 'conflict with "kubectl" with subresource "scale" using apps/v1: .spec.replicas' in refusal
    apply(cluster, namespace, deployment)
    assert cluster.json("get", "deployment", "web", "-n", namespace)["spec"]["replicas"] == 1


def test_diff_and_dry_run_change_nothing(cluster, namespace):
    apply(cluster, namespace, config_map(a="1", b="2"))
    wanted = yaml.safe_dump(config_map(a="3"))
    diff = cluster.run(
        "kubectl", "diff", "--server-side", "-n", namespace, "-f", "-", stdin=wanted, check=False
    )
    changes = [
        line for line in diff.stdout.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")
    ]
    assert (diff.returncode, changes) == (1, ['-  a: "1"', '-  b: "2"', '+  a: "3"'])
    told = apply(cluster, namespace, config_map(a="3"), "--dry-run=server")
    assert told == "configmap/demo serverside-applied (server dry run)\n"
    assert cluster.json("get", "configmap", "demo", "-n", namespace)["data"] == {"a": "1", "b": "2"}


def test_what_a_schema_does_not_know_is_refused_whatever_the_validation(cluster, namespace):
    unknown = config_map() | {"dta": {}}
    text = f"failed to create typed patch object ({namespace}/demo; v1, Kind=ConfigMap): .dta: field not declared"
    for level in ("strict", "warn", "ignore"):
        assert text in apply(cluster, namespace, unknown, f"--validate={level}", run=cluster.refused)


def test_custom_resources_have_owners(cluster, namespace):
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "recipes.fields.example.com"},
        "spec": {
            "group": "fields.example.com",
            "scope": "Namespaced",
            "names": {"plural": "recipes", "singular": "recipe", "kind": "Recipe"},
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": RECIPE}}
            ],
        },
    }
    cluster.apply(definition)
    cluster.kubectl("wait", "crd/recipes.fields.example.com", "--for=condition=Established", "--timeout=60s")
    recipe = {"apiVersion": "fields.example.com/v1", "kind": "Recipe", "metadata": {"name": "tea"}}
    leaves, water = ({"name": name, "grams": grams} for name, grams in (("leaves", 3), ("water", 250)))
    apply(cluster, namespace, recipe | {"spec": {"ingredients": [leaves], "notes": ["hot"]}})
    apply(cluster, namespace, recipe | {"spec": {"ingredients": [water]}}, "--field-manager=other")
    refusal = apply(
        cluster,
        namespace,
        recipe | {"spec": {"ingredients": [leaves | {"grams": 5}], "notes": ["cold"]}},
        "--field-manager=other",
        run=cluster.refused,
    )
    assert 'conflicts with "kubectl":\n- .spec.notes\n- .spec.ingredients[name="leaves"].grams' in refusal
    apply(cluster, namespace, recipe)
    assert cluster.json("get", "recipe", "tea", "-n", namespace)["spec"] == {"ingredients": [water]}
    assert ".spec.sugar: field not declared in schema" in apply(
        cluster, namespace, recipe | {"spec": {"sugar": True}}, run=cluster.refused
    )


RECIPE = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "notes": {"type": "array", "items": {"type": "string"}},
                "ingredients": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {"name": {"type": "string"}, "grams": {"type": "integer"}},
                    },
                },
            },
        }
    },
}


def test_who_may_not_create_may_apply_to_what_exists_only(cluster, namespace):
    cluster.kubectl("create", "serviceaccount", "editor", "-n", namespace)
    cluster.kubectl("create", "role", "editor", "--verb=get,patch", "--resource=configmaps", "-n", namespace)
    subject = f"--serviceaccount={namespace}:editor"
    cluster.kubectl("create", "rolebinding", "editor", "--role=editor", subject, "-n", namespace)
    as_editor = f"--as=system:serviceaccount:{namespace}:editor"
    refusal = apply(cluster, namespace, config_map(a="1"), as_editor, run=cluster.refused)
    assert 'cannot create resource "configmaps" in API group "" in the namespace' in refusal
    apply(cluster, namespace, config_map(a="1"))
    apply(cluster, namespace, config_map(a="1"), as_editor, "--field-manager=editor")
    assert [who[0] for who, _ in managers(cluster, namespace, "configmap/demo")] == ["editor", "kubectl"]


@pytest.fixture
def core(cluster):
    return client.CoreV1Api(config.new_client_from_config(str(cluster.kubeconfig)))


def test_the_python_client_applies(core, namespace):
    media = {"_content_type": "application/apply-patch+yaml"}
    made = core.patch_namespaced_config_map("demo", namespace, config_map(a="1"), field_manager="py", **media)
    (entry,) = made.metadata.managed_fields
    assert (entry.manager, entry.operation, entry.fields_v1) == ("py", "Apply", {"f:data": {"f:a": {}}})
    with pytest.raises(client.ApiException) as caught:
        core.patch_namespaced_config_map("demo", namespace, config_map(a="2"), field_manager="me", **media)
    assert (caught.value.status, caught.value.reason) == (409, "Conflict")
    forced = {"field_manager": "me", "force": True}
    assert core.patch_namespaced_config_map("demo", namespace, config_map(a="2"), **forced, **media).data == {
        "a": "2"
    }
    with pytest.raises(client.ApiException) as caught:
        core.patch_namespaced_config_map("demo", namespace, config_map(a="2"), **media)
    assert "fieldManager: Required value: is required for apply patch" in caught.value.body
