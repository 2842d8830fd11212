"""Custom resources through real clients: defined, written, judged, shown, and gone with their definition."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from kubernetes import client, config, watch

from tests.pocket.conftest import HERE, addresses, start, stop

pytestmark = pytest.mark.pocket
DEFINITION = str(HERE / "widgets.yaml")


@pytest.fixture(scope="module")
def defined(cluster):
    cluster.kubectl("apply", "-f", DEFINITION)
    cluster.kubectl("wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=30s")
    yield
    cluster.kubectl("delete", "-f", DEFINITION, "--ignore-not-found")


def widget(name="w", **spec):
    spec = {"parts": [{"name": "first", "amount": 1}]} | spec
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def made(cluster, namespace, defined):
    cluster.apply(widget(), namespace=namespace)
    return namespace


def wrong(cluster, namespace, **spec):
    return cluster.refused("apply", "-n", namespace, "-f", "-", stdin=yaml.safe_dump(widget(**spec)))


def test_definition(cluster, defined):
    found = cluster.json("get", "crd", "widgets.example.com")
    conditions = {item["type"]: item["reason"] for item in found["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "NoConflicts", "Established": "InitialNamesAccepted"}
    assert found["status"]["storedVersions"] == ["v1"]
    assert found["spec"]["names"]["listKind"] == "WidgetList"
    assert "CREATED AT" in cluster.kubectl("get", "crds")


def test_discovery_and_explain(cluster, defined):
    listed = cluster.kubectl("api-resources", "--api-group=example.com", "--no-headers").split()
    assert listed == ["widgets", "wd", "example.com/v1", "true", "Widget"]
    assert "example.com/v1beta1" in cluster.kubectl("api-versions")
    told = cluster.kubectl("explain", "widget.spec.parts")
    assert "What it is made of." in told
    assert "-required-" in told
    assert "metadata\t<ObjectMeta>" in cluster.kubectl("explain", "wd")


def test_tables(cluster, made):
    rows = cluster.kubectl("get", "wd", "-n", made).splitlines()
    assert rows[0].split() == ["NAME", "REPLICAS", "FIRST", "AGE"]
    assert rows[1].split()[:3] == ["w", "1", "first"]
    assert "READY" in cluster.kubectl("get", "tools", "-n", made, "-o", "wide")
    assert "w " in cluster.kubectl("get", "widgets.v1beta1.example.com", "-n", made)


def test_apply_patch_and_generations(cluster, made):
    assert "unchanged" in cluster.apply(widget(), namespace=made)
    assert "configured" in cluster.apply(widget(mode="fast"), namespace=made)
    cluster.kubectl("patch", "wd", "w", "-n", made, "--type=merge", "-p", '{"spec":{"replicas":3}}')
    change = '[{"op":"replace","path":"/spec/parts/0/amount","value":"many"}]'
    cluster.kubectl("patch", "wd", "w", "-n", made, "--type=json", "-p", change)
    status = '{"status":{"ready":true},"spec":{"replicas":9}}'
    cluster.kubectl("patch", "wd", "w", "-n", made, "--type=merge", "--subresource=status", "-p", status)
    found = cluster.json("get", "wd", "w", "-n", made)
    assert found["spec"] == {
        "mode": "fast",
        "parts": [{"name": "first", "amount": "many"}],
        "replicas": 3,
    }
    assert (found["status"], found["metadata"]["generation"]) == ({"ready": True}, 4)
    told = cluster.refused("patch", "wd", "w", "-n", made, "-p", '{"spec":{"replicas":3}}')
    assert told == (
        "error: application/strategic-merge-patch+json is not supported by example.com/v1, Kind=Widget: "
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml\n"
    )


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        (
            {"replicas": "x"},
            'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"',
        ),
        (
            {"replicas": 1000},
            "spec.replicas: Invalid value: 1000: spec.replicas in body should be less than or equal to 100",
        ),
        ({"mode": "lazy"}, 'spec.mode: Unsupported value: "lazy": supported values: "slow", "fast"'),
        ({"parts": [{}]}, "spec.parts[0].name: Required value"),
        (
            {"parts": [{"name": "a", "every": "soon"}]},
            "spec.parts[0].every: Invalid value: \"soon\": spec.parts[0].every in body should match '^[0-9]+(s|m)$'",
        ),
    ],
)
@pytest.mark.parametrize("exists", [False, True])
def test_values_are_judged(cluster, namespace, defined, spec, text, exists):
    if exists:
        cluster.apply(widget(), namespace=namespace)
    assert wrong(cluster, namespace, **spec) == f'The Widget "w" is invalid: {text}\n'


def test_unknown_fields(cluster, namespace, defined):
    told = wrong(cluster, namespace, nosuch=1)
    why = 'Widget in version "v1" cannot be handled as a Widget: strict decoding error: unknown field'
    assert f'{why} "spec.nosuch"' in told
    body = yaml.safe_dump(widget(nosuch=1, extra={"kept": {"deep": 1}}))
    cluster.kubectl("apply", "-n", namespace, "-f", "-", "--validate=false", stdin=body)
    assert cluster.json("get", "wd", "w", "-n", namespace)["spec"] == {
        "extra": {"kept": {"deep": 1}},
        "parts": [{"name": "first", "amount": 1}],
        "replicas": 1,
    }
    assert 'strict decoding error: unknown field "spec.nosuch"' in wrong(cluster, namespace, nosuch=1)


def test_scale(cluster, made):
    cluster.kubectl("scale", "wd", "w", "-n", made, "--replicas=5")
    assert cluster.json("get", "wd", "w", "-n", made)["spec"]["replicas"] == 5
    cluster.kubectl("autoscale", "wd", "w", "-n", made, "--max=3")
    target = cluster.json("get", "hpa", "w", "-n", made)["spec"]["scaleTargetRef"]
    assert target == {"apiVersion": "example.com/v1", "kind": "Widget", "name": "w"}


def test_python_client_lists_and_watches(cluster, made):
    api = client.CustomObjectsApi(config.new_client_from_config(str(cluster.kubeconfig)))
    listed = api.list_namespaced_custom_object("example.com", "v1beta1", made, "widgets")
    assert [(item["apiVersion"], item["metadata"]["name"]) for item in listed["items"]] == [
        ("example.com/v1beta1", "w")
    ]
    version = listed["metadata"]["resourceVersion"]
    api.patch_namespaced_custom_object("example.com", "v1", made, "widgets", "w", {"spec": {"replicas": 2}})
    stream = watch.Watch().stream(
        api.list_namespaced_custom_object,
        "example.com",
        "v1",
        made,
        "widgets",
        resource_version=version,
        timeout_seconds=30,
    )
    event = next(iter(stream))
    assert (event["type"], event["object"]["spec"]["replicas"]) == ("MODIFIED", 2)


def test_owners_and_namespaces_take_them_along(cluster, defined):
    cluster.kubectl("create", "namespace", "going")
    cluster.apply(widget(), namespace="going")
    owner = cluster.json("get", "wd", "w", "-n", "going")
    ref = {key: owner[key] for key in ("apiVersion", "kind")} | {"name": "w", "uid": owner["metadata"]["uid"]}
    owned = widget("owned") | {"metadata": {"name": "owned", "ownerReferences": [ref]}}
    plain = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": owned["metadata"]}
    cluster.apply(owned, plain, widget("other"), namespace="going")
    cluster.kubectl("delete", "wd", "w", "-n", "going", "--timeout=60s")
    for kind in ("wd", "cm"):
        cluster.kubectl("wait", "--for=delete", f"{kind}/owned", "-n", "going", "--timeout=60s")
    assert "other" in cluster.kubectl("get", "wd", "-n", "going")
    cluster.kubectl("delete", "namespace", "going", "--timeout=60s")
    assert "going" not in cluster.kubectl("get", "wd", "-A", "--ignore-not-found")


def test_wrong_definitions(cluster):
    raw = yaml.safe_load(Path(DEFINITION).read_text())
    raw["metadata"]["name"] = "wrong.example.com"
    raw["spec"]["versions"][0]["storage"] = True
    raw["spec"]["versions"][1]["schema"] = {"openAPIV3Schema": {"properties": {"spec": {}}}}
    told = cluster.refused("create", "-f", "-", stdin=yaml.safe_dump(raw))
    at = "spec.versions[1].schema.openAPIV3Schema"
    for line in (
        'metadata.name: Invalid value: "wrong.example.com": must be spec.names.plural+"."+spec.group',
        "must have exactly one version marked as storage version",
        f"{at}.type: Required value: must not be empty at the root",
        f"{at}.properties[spec].type: Required value: must not be empty for specified object fields",
    ):
        assert line in told


def test_helm_installs_definitions_first(cluster, namespace):
    chart = str(HERE / "charts" / "defining")
    cluster.helm("install", "gadget", chart, "-n", namespace, "--wait")
    assert cluster.json("get", "gadget", "gadget", "-n", namespace)["spec"] == {"size": 1}
    cluster.helm("uninstall", "gadget", "-n", namespace, "--wait")
    assert "No resources found" in cluster.run("kubectl", "get", "gadgets", "-n", namespace).stderr
    cluster.kubectl("delete", "crd", "gadgets.charts.example.com")


def test_definitions_survive_a_restart_and_end_with_their_objects(tmp_path):
    with addresses() as own:
        running = start(tmp_path / "state", tmp_path / "home", **own)
        running.kubectl("apply", "-f", DEFINITION)
        running.kubectl("wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=30s")
        running.apply(widget())
        running.process.kill()
        running.process.wait(60)
        running = start(running.state, running.home, **own)
        try:
            assert "unchanged" in running.apply(widget())
            running.kubectl("delete", "crd", "widgets.example.com", "--timeout=60s")
            assert "the server could not find the requested resource" in running.refused("get", "wd", "-A")
            running.kubectl("apply", "-f", DEFINITION)
            running.kubectl("wait", "--for=condition=Established", "crd/widgets.example.com", "--timeout=30s")
            assert "No resources found" in running.run("kubectl", "get", "wd", "-A").stderr
        finally:
            stop(running)
