"""Addresses and ports of Services: handed out, kept, refused, given back."""

import ipaddress

import pytest

from raglab.pocket.api.registry import Registry
from raglab.pocket.config import Settings
from raglab.pocket.errors import StatusError
from raglab.pocket.kinds import catalogue


def service(name, *ports, **spec):
    listed = [port if isinstance(port, dict) else {"port": port} for port in ports]
    return {"metadata": {"name": name}, "spec": {"ports": listed} | spec}


def node_ports(obj):
    return [port.get("nodePort") for port in obj["spec"]["ports"]]


def refused(call, *args, **kwargs):
    with pytest.raises(StatusError) as error:
        call(*args, **kwargs)
    assert error.value.code == 422, error.value.message
    return [(cause["field"], cause["message"]) for cause in error.value.details["causes"]]


def test_every_service_gets_an_address_of_its_own(api):
    made = [api.create("services", service(f"s{number}", 80))["spec"] for number in range(20)]
    addresses = {spec["clusterIP"] for spec in made}
    assert len(addresses) == 20
    assert all(ipaddress.ip_address(item) in ipaddress.ip_network("127.96.0.0/16") for item in addresses)
    assert all(spec["clusterIPs"] == [spec["clusterIP"]] for spec in made)


def test_the_api_itself_has_the_first_address(api):
    assert api.create("services", service("kubernetes", 443))["spec"]["clusterIP"] == "127.96.0.1"


def test_headless_and_external_services_have_none(api):
    headless = api.create("services", service("h", 80, clusterIP="None"))["spec"]
    assert (headless["clusterIP"], headless["clusterIPs"]) == ("None", ["None"])
    external = api.create("services", service("e", type="ExternalName", externalName="example.com"))["spec"]
    assert "clusterIP" not in external


def test_an_address_can_be_chosen_once(api):
    assert (
        api.create("services", service("a", 80, clusterIP="127.96.7.7"))["spec"]["clusterIP"] == "127.96.7.7"
    )
    causes = refused(api.create, "services", service("b", 80, clusterIP="127.96.7.7"))
    why = "failed to allocate IP 127.96.7.7: provided IP is already allocated"
    assert causes == [("spec.clusterIPs", f'Invalid value: ["127.96.7.7"]: {why}')]
    ((field, message),) = refused(api.create, "services", service("b", 80, clusterIP="10.0.0.1"))
    assert field == "spec.clusterIPs"
    assert "not in the valid range. The range of valid IPs is 127.96.0.0/16" in message
    api.delete("services", "a")
    api.create("services", service("b", 80, clusterIP="127.96.7.7"))


def test_an_address_stays_and_cannot_be_changed(api):
    made = api.create("services", service("a", 80))
    after = api.update("services", service("a", 8080))
    assert after["spec"]["clusterIP"] == made["spec"]["clusterIP"]
    causes = refused(api.patch, "services", "a", {"spec": {"clusterIP": "127.96.7.7"}})
    assert causes == [("spec.clusterIPs[0]", 'Invalid value: ["127.96.7.7"]: may not change once set')]


def test_node_ports_come_from_the_range_and_stay(api):
    made = api.create(
        "services", service("a", {"name": "x", "port": 1}, {"name": "y", "port": 2}, type="NodePort")
    )
    ports = node_ports(made)
    assert len(set(ports)) == 2
    assert all(30000 <= port <= 32767 for port in ports)
    swapped = service("a", {"name": "y", "port": 2}, {"name": "x", "port": 7}, type="NodePort")
    assert node_ports(api.update("services", swapped)) == ports[::-1]


def test_a_taken_node_port_is_refused_with_its_place(api):
    api.create("services", service("a", {"port": 1, "nodePort": 30005}, type="NodePort"))
    two = service("b", {"name": "x", "port": 1}, {"name": "y", "port": 2, "nodePort": 30005}, type="NodePort")
    taken = "Invalid value: 30005: provided port is already allocated"
    assert refused(api.create, "services", two) == [("spec.ports[1].nodePort", taken)]
    valid = "provided port is not in the valid range. The range of valid ports is 30000-32767"
    two["spec"]["ports"][1]["nodePort"] = 40000
    causes = refused(api.create, "services", two)
    assert causes == [("spec.ports[1].nodePort", f"Invalid value: 40000: {valid}")]


def test_a_refused_service_takes_nothing(api):
    api.create("services", service("a", {"port": 1, "nodePort": 30005}, type="NodePort"))
    ports = [{"name": "x", "port": 1, "nodePort": 30006}, {"name": "y", "port": 2, "nodePort": 30005}]
    refused(api.create, "services", service("b", *ports, type="NodePort"))
    with pytest.raises(StatusError, match="already exists"):
        api.create("services", service("a", {"port": 1, "nodePort": 30006}, type="NodePort"))
    api.create("services", service("c", {"port": 1, "nodePort": 30006}, type="NodePort"), dry_run=True)
    api.create("services", service("c", {"port": 1, "nodePort": 30006}, type="NodePort"))


def test_turning_inward_gives_ports_back(api):
    api.create("services", service("a", {"port": 1, "nodePort": 30005}, type="NodePort"))
    inward = api.patch("services", "a", {"spec": {"type": "ClusterIP"}}, "merge")
    assert node_ports(inward) == [None]
    assert "externalTrafficPolicy" not in inward["spec"]
    api.create("services", service("b", {"port": 1, "nodePort": 30005}, type="NodePort"))
    outward = api.patch(
        "services", "a", [{"op": "replace", "path": "/spec/type", "value": "NodePort"}], "json"
    )
    assert node_ports(outward) not in ([None], [30005])


def test_deleting_gives_ports_back(api):
    api.create("services", service("a", {"port": 1, "nodePort": 30005}, type="NodePort"))
    api.delete("services", "a")
    api.create("services", service("b", {"port": 1, "nodePort": 30005}, type="NodePort"))


def test_a_new_port_number_frees_the_old_one(api):
    api.create("services", service("a", {"port": 1, "nodePort": 30005}, type="NodePort"))
    api.patch("services", "a", {"spec": {"ports": [{"port": 1, "nodePort": 31091}]}})
    api.create("services", service("b", {"port": 1, "nodePort": 30005}, type="NodePort"))


def test_what_is_taken_is_known_after_a_restart(api, schemas, tmp_path):
    api.create("services", service("a", {"port": 1, "nodePort": 30005}, type="NodePort"))
    api.registry = Registry(api.store, catalogue.load(), schemas, Settings(state=tmp_path), api.clock)
    refused(api.create, "services", service("b", {"port": 1, "nodePort": 30005}, type="NodePort"))


def test_a_full_range_is_an_error_of_the_server(api, schemas, tmp_path):
    narrow = Settings(state=tmp_path, node_port_range=(30000, 30001))
    api.registry = Registry(api.store, catalogue.load(), schemas, narrow, api.clock)
    for name in "ab":
        api.create("services", service(name, 80, type="NodePort"))
    with pytest.raises(StatusError, match="failed to allocate a nodePort: range is full") as error:
        api.create("services", service("c", 80, type="NodePort"))
    assert error.value.code == 500


def test_ports_that_are_named_by_others_are_chosen_last(api, schemas, tmp_path):
    named = tuple(port for port in range(30016, 30100) if port != 30050)
    settings = Settings(state=tmp_path, node_port_range=(30000, 30099), node_ports_named=named)
    api.registry = Registry(api.store, catalogue.load(), schemas, settings, api.clock)
    assert node_ports(api.create("services", service("a", 80, type="NodePort"))) == [30050]
    (second,) = node_ports(api.create("services", service("b", 80, type="NodePort")))
    assert second in range(30000, 30100) and second != 30050
