import copy
import stat

import pytest

from raglab.pocket.kinds.schema import DecodeError, Schemas, cannot_be_handled

from .cases import changed, load

DEPLOYMENT = load("refused.yaml")["bases"]["deployment"]


@pytest.mark.parametrize("case", load("undecodable.yaml"), ids=lambda case: ",".join(case["set"]))
def test_wrong_types_and_unknown_fields(case, schemas, kind_of):
    given = changed(DEPLOYMENT, case["set"])
    kind = kind_of(given)
    if "unknown" in case:
        clean, unknown = schemas.normalise(kind, given)
        assert unknown == [f'unknown field "{path}"' for path in case["unknown"]]
        assert schemas.normalise(kind, clean)[1] == []
        return
    with pytest.raises(DecodeError) as refusal:
        schemas.normalise(kind, given)
    assert refusal.value.code == 400
    assert refusal.value.message == f"{cannot_be_handled(kind)}: {case['body']}"
    assert refusal.value.conversion == case["patch"]


def pod(**spec):
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}


def test_the_given_object_stays_as_it_is(schemas, kind_of):
    given = pod(containers=[{"name": "c", "resources": {"limits": {"memory": "1024Mi"}}}], nodeSelector={})
    before = copy.deepcopy(given)
    clean, _ = schemas.normalise(kind_of(given), given)
    clean["spec"]["containers"][0]["name"] = "changed"
    assert given == before


def test_nothing_empty_is_kept_but_structs(schemas, kind_of):
    volumes = [{"name": "v", "emptyDir": {}}]
    given = pod(nodeSelector={}, tolerations=[], hostname=None, volumes=volumes, securityContext={})
    given["metadata"] |= {"annotations": {}, "labels": None}
    clean, _ = schemas.normalise(kind_of(given), given)
    assert clean["metadata"] == {"name": "p"}
    assert clean["spec"] == {"volumes": volumes, "securityContext": {}}


def test_structs_held_by_value_are_always_there(schemas, kind_of):
    clean, _ = schemas.normalise(kind_of(DEPLOYMENT), {"apiVersion": "apps/v1", "kind": "Deployment"})
    assert clean["spec"] == {"strategy": {}, "template": {"metadata": {}, "spec": {}}}
    assert clean["metadata"] == clean["status"] == {}


def test_quantities_become_canonical_and_ports_stay_names_or_numbers(schemas, kind_of):
    probe = {"httpGet": {"port": "http"}}
    resources = {"limits": {"example.com/gpu": 1, "memory": "1024Mi"}}
    given = pod(containers=[{"name": "c", "resources": resources, "livenessProbe": probe}])
    container = schemas.normalise(kind_of(given), given)[0]["spec"]["containers"][0]
    assert container["resources"] == {"limits": {"example.com/gpu": "1", "memory": "1Gi"}}
    assert container["livenessProbe"] == probe


def test_secrets_must_be_base64(schemas, kind_of):
    given = {"apiVersion": "v1", "kind": "Secret", "data": {"a": "not base64!"}}
    with pytest.raises(DecodeError, match="illegal base64 data at input byte 3"):
        schemas.normalise(kind_of(given), given)


def test_raw_fields_keep_everything(schemas, kind_of):
    data = {"spec": {"a": None, "b": {}}}
    given = {"apiVersion": "apps/v1", "kind": "ControllerRevision", "data": data, "revision": 1}
    assert schemas.normalise(kind_of(given), given)[0]["data"] == data


def test_patches_find_merge_keys(schemas, kinds):
    deployment, at = kinds.plural("deployments"), ["spec", "template", "spec", "containers"]
    containers = schemas.merge_info(deployment, at)
    assert (containers.merge_key, containers.strategy) == ("name", ("merge",))
    ports = schemas.merge_info(deployment, [*at, "ports"])
    assert (ports.merge_key, ports.list_type) == ("containerPort", "map")
    assert ports.list_keys == ("containerPort", "protocol")
    assert schemas.merge_info(deployment, ["spec", "strategy"]).strategy == ("retainKeys",)
    assert schemas.merge_info(deployment, ["spec", "nosuch"]) is None


def test_components_are_closed_and_described(schemas, kinds):
    components = schemas.components([kinds.plural("deployments")])
    text = str(components)
    assert "io.k8s.api.core.v1.Container" in components
    assert "#/$defs/" not in text and "'null'" not in text
    deployment = components["io.k8s.api.apps.v1.Deployment"]
    assert deployment["x-kubernetes-group-version-kind"] == [
        {"group": "apps", "kind": "Deployment", "version": "v1"}
    ]
    assert deployment["description"] and deployment["properties"]["spec"]["allOf"]


def test_the_cache_is_private_and_used(tmp_path, kinds):
    Schemas.load(tmp_path)
    files = {path: path.stat() for path in tmp_path.iterdir()}
    assert {stat.S_IMODE(info.st_mode) for info in files.values()} == {0o600}
    assert Schemas.load(tmp_path).root(kinds.plural("pods"))
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == {
        path: info.st_mtime_ns for path, info in files.items()
    }


def test_an_older_cache_is_replaced(tmp_path):
    (tmp_path / "schema-0.0.1-old.json").write_text("{}")
    Schemas.load(tmp_path)
    assert sorted(path.name.split("-")[0] for path in tmp_path.iterdir()) == ["openapi", "schema"]
