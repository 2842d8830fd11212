"""EndpointSlices and Endpoints on the real registry: who stands behind a Service."""

import pytest

from tests.unit.controllers.objects import pod, service, stateful_set


async def slices(cluster, name="web"):
    return await cluster.list("endpointslices", labels=f"kubernetes.io/service-name={name}")


def behind(cluster, *expected, name="web"):
    """Wait until the one slice has these (pod, ready, terminating); returns it."""

    async def check():
        found = await slices(cluster, name)
        if len(found) != 1:
            return None
        points = [
            (item["targetRef"]["name"], item["conditions"]["ready"], item["conditions"]["terminating"])
            for item in found[0].get("endpoints") or ()
        ]
        return found[0] if points == list(expected) else None

    return cluster.until(check)


async def test_ready_pods_stand_behind_a_service(cluster):
    await cluster.create("services", service())
    empty = await behind(cluster)
    assert empty["metadata"]["labels"] == {
        "tier": "front",
        "kubernetes.io/service-name": "web",
        "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
    }
    await cluster.create("pods", pod("a", labels={"app": "web"}))
    await cluster.create("pods", pod("b", labels={"app": "web"}, annotations={"test/phase": "Unready"}))
    await cluster.create("pods", pod("c", labels={"app": "other"}))
    found = await behind(cluster, ("a", True, False), ("b", False, False))
    assert found["ports"] == [{"name": "", "port": 8080, "protocol": "TCP"}]
    assert found["endpoints"][0]["nodeName"] == "minikube"

    async def old_form():
        subsets = (await cluster.get("endpoints", "web")).get("subsets")
        return subsets and "addresses" in subsets[0] and "notReadyAddresses" in subsets[0] and subsets

    (subset,) = await cluster.until(old_form)
    address = (await cluster.get("pods", "a"))["status"]["podIP"]
    assert [item["ip"] for item in subset["addresses"]] == [address]
    assert [item["targetRef"]["name"] for item in subset["notReadyAddresses"]] == ["b"]
    assert subset["ports"] == [{"port": 8080, "protocol": "TCP"}]


@pytest.mark.parametrize(
    "ports",
    [
        [("http-openai", 8005, "TCP"), ("rest", 8000, "TCP")],  # as recorded
        [
            ("dns-tcp", 53, "TCP"),
            ("dns", 53, "UDP"),
            ("metrics", 9153, "TCP"),
        ],  # as on every cluster with CoreDNS
    ],
)
async def test_ports_of_endpoints_stand_in_the_order_of_a_real_controller(cluster, ports):
    listed = [{"name": name, "port": number, "protocol": protocol} for name, number, protocol in ports]
    await cluster.create("services", service(ports=sorted(listed, key=lambda port: port["name"])))
    await cluster.create("pods", pod("a", labels={"app": "web"}))

    async def told():
        subsets = (await cluster.get("endpoints", "web") or {}).get("subsets")
        return subsets and subsets[0]["ports"]

    assert await cluster.until(told) == listed


async def test_headless_service_publishes_names_and_early_addresses(cluster):
    headless = service("db", clusterIP="None", publishNotReadyAddresses=True)
    await cluster.create("services", headless)
    await cluster.create("statefulsets", stateful_set(replicas=1, annotations={"test/phase": "Unready"}))
    found = await behind(cluster, ("db-0", True, False), name="db")
    assert found["endpoints"][0]["hostname"] == "db-0"
    assert found["metadata"]["labels"]["service.kubernetes.io/headless"] == ""


async def test_named_target_ports_with_different_numbers_get_slices_of_their_own(cluster):
    ports = [{"name": "http", "port": 80, "targetPort": "web"}]
    await cluster.create("services", service(ports=ports))
    for name, number in (("a", 8080), ("b", 9090)):
        item = pod(name, labels={"app": "web"})
        item["spec"]["containers"][0]["ports"] = [{"name": "web", "containerPort": number}]
        await cluster.create("pods", item)

    async def two():
        return {item["ports"][0]["port"] for item in await slices(cluster) if item.get("ports")} == {
            8080,
            9090,
        }

    await cluster.until(two)


async def test_addresses_go_with_the_service(cluster):
    await cluster.create("services", service())
    await behind(cluster)
    await cluster.client.delete("services", "web", "default")

    async def gone():
        return not await slices(cluster) and await cluster.get("endpoints", "web") is None

    await cluster.until(gone)


async def test_service_without_selector_is_left_to_its_author(cluster):
    await cluster.create("services", service("own", selector=None))
    await cluster.create("services", service())
    await behind(cluster)
    assert not await slices(cluster, "own")
    assert await cluster.get("endpoints", "kubernetes")


async def test_deleted_slice_is_made_again(cluster):
    await cluster.create("services", service())
    first = await behind(cluster)
    await cluster.client.delete("endpointslices", first["metadata"]["name"], "default")

    async def again():
        found = await slices(cluster)
        return found and found[0]["metadata"]["uid"] != first["metadata"]["uid"]

    await cluster.until(again)
