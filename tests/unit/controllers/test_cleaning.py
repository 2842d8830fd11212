"""What goes away: owned objects, namespaces, old Events; and what every namespace has."""

from collections import defaultdict

from raglab.pocket.clock import timestamp
from raglab.pocket.controllers import eventexpiry
from raglab.pocket.informer import Cache
from tests.unit.controllers.cluster import running
from tests.unit.controllers.objects import deployment, replica_set, stateful_set


def config(name, owners=(), finalizers=()):
    refs = [
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"],
        }
        | {"blockOwnerDeletion": True}
        for owner in owners
    ]
    metadata = {"name": name, "namespace": "default", "ownerReferences": refs, "finalizers": list(finalizers)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}


def gone(cluster, *names, resource="configmaps"):
    async def check():
        return not [name for name in names if await cluster.get(resource, name)]

    return cluster.until(check)


async def test_dependents_follow_their_owner_down_the_chain(cluster):
    top = await cluster.create("configmaps", config("top"))
    middle = await cluster.create("configmaps", config("middle", [top]))
    await cluster.create("configmaps", config("bottom", [middle]))
    await cluster.client.delete("configmaps", "top", "default", propagation="Background")
    await gone(cluster, "top", "middle", "bottom")


async def test_dependent_of_two_owners_outlives_the_first(cluster):
    one = await cluster.create("configmaps", config("one"))
    two = await cluster.create("configmaps", config("two"))
    await cluster.create("configmaps", config("shared", [one, two]))
    await cluster.client.delete("configmaps", "one", "default")

    async def cut():
        refs = (await cluster.get("configmaps", "shared"))["metadata"]["ownerReferences"]
        return [ref["name"] for ref in refs] == ["two"]

    await cluster.until(cut)
    await cluster.client.delete("configmaps", "two", "default")
    await gone(cluster, "shared")


async def test_foreground_owner_waits_for_its_dependents(cluster):
    owner = await cluster.create("configmaps", config("owner"))
    await cluster.create("configmaps", config("held", [owner], finalizers=["example.com/hold"]))
    await cluster.client.delete("configmaps", "owner", "default", propagation="Foreground")

    async def dying():
        return "deletionTimestamp" in (await cluster.get("configmaps", "held"))["metadata"]

    await cluster.until(dying)
    assert await cluster.get("configmaps", "owner")
    await cluster.client.patch("configmaps", "held", "default", {"metadata": {"finalizers": []}})
    await gone(cluster, "held", "owner")


async def test_orphans_stay(cluster):
    await cluster.create("deployments", deployment(replicas=1))

    async def pods():
        return await cluster.list("pods")

    await cluster.until(pods)
    await cluster.client.delete("deployments", "web", "default", propagation="Orphan")
    await gone(cluster, "web", resource="deployments")
    (left,) = await cluster.list("replicasets")
    assert not left["metadata"].get("ownerReferences") and len(await cluster.list("pods")) == 1


async def test_owner_that_never_existed_is_gone_too(cluster):
    ghost = {"metadata": {"name": "ghost", "uid": "00000000-0000-0000-0000-000000000000"}}
    await cluster.create("configmaps", config("lonely", [ghost]))
    await gone(cluster, "lonely")


async def test_owner_of_an_unknown_kind_is_believed_to_exist(cluster):
    item = config("guarded")
    item["metadata"]["ownerReferences"] = [
        {"apiVersion": "example.com/v1", "kind": "Thing", "name": "t", "uid": "t"}
    ]
    await cluster.create("configmaps", item)
    ghost = {"metadata": {"name": "ghost", "uid": "g"}}
    await cluster.create("configmaps", config("marker", [ghost]))
    await gone(cluster, "marker")  # by now the other one has been looked at as well
    assert await cluster.get("configmaps", "guarded")


async def test_namespace_takes_everything_with_it(cluster):
    await cluster.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab"}})

    async def furnished():
        account = await cluster.get("serviceaccounts", "default", "lab")
        certificate = await cluster.get("configmaps", "kube-root-ca.crt", "lab")
        return account and certificate and certificate["data"] == {"ca.crt": "PEM"}

    await cluster.until(furnished)
    for resource, item in (
        ("statefulsets", stateful_set(replicas=2)),
        ("deployments", deployment(replicas=2)),
    ):
        item["metadata"]["namespace"] = "lab"
        await cluster.create(resource, item)

    async def busy():
        pods = await cluster.list("pods", "lab")
        return len([item for item in pods if item["status"].get("podIP")]) == 4

    await cluster.until(busy)
    await cluster.client.delete("namespaces", "lab")

    async def no_more():
        return await cluster.get("namespaces", "lab", "") is None

    await cluster.until(no_more)
    for resource in (
        "pods",
        "deployments",
        "replicasets",
        "statefulsets",
        "serviceaccounts",
        "events",
        "configmaps",
    ):
        assert not await cluster.list(resource, "lab"), resource


async def test_account_and_certificate_come_back(cluster):
    await cluster.client.delete("serviceaccounts", "default", "default")
    await cluster.client.patch("configmaps", "kube-root-ca.crt", "default", {"data": {"ca.crt": "forged"}})

    async def restored():
        certificate = await cluster.get("configmaps", "kube-root-ca.crt")
        return await cluster.get("serviceaccounts", "default") and certificate["data"] == {"ca.crt": "PEM"}

    await cluster.until(restored)


async def test_deleted_replica_set_takes_its_pods(cluster):
    await cluster.create("replicasets", replica_set(replicas=2))

    async def two():
        return len(await cluster.list("pods")) == 2

    await cluster.until(two)
    await cluster.client.delete("replicasets", "rs", "default", propagation="Background")

    async def none():
        return not await cluster.list("pods")

    await cluster.until(none)


def test_events_expire_an_hour_after_they_were_last_told(clock):
    def event(name, **stamps):
        created = {
            "name": name,
            "namespace": "default",
            "uid": name,
            "creationTimestamp": timestamp(clock.now - 9000),
        }
        return {"metadata": created, **stamps}

    events = [
        event("old", lastTimestamp=timestamp(clock.now - 3600)),
        event("repeated", lastTimestamp=timestamp(clock.now - 3599)),
        event(
            "series", eventTime=timestamp(clock.now - 9000), series={"lastObservedTime": timestamp(clock.now)}
        ),
        event("bare"),
    ]
    plan = eventexpiry.plan(defaultdict(Cache, events=Cache(events)), ("", ""), clock.now)
    assert sorted(action.obj["metadata"]["name"] for action in plan.actions) == ["bare", "old"]
    assert plan.again == 60


async def test_a_namespace_may_be_left_for_a_while(tmp_path, schemas):
    async with running(tmp_path, schemas, namespace_grace=2.0) as cluster:
        await cluster.create("namespaces", {"metadata": {"name": "left"}})
        await cluster.until(lambda: cluster.get("configmaps", "kube-root-ca.crt", "left"))
        await cluster.client.delete("namespaces", "left")

        async def terminating():
            found = await cluster.get("namespaces", "left", "")
            return found["status"]["phase"] == "Terminating"

        await cluster.until(terminating)
        assert await cluster.get("configmaps", "kube-root-ca.crt", "left")

        async def over():
            return await cluster.get("namespaces", "left", "") is None

        await cluster.until(over)


async def test_a_namespace_says_what_it_waits_for(cluster):
    await cluster.create("namespaces", {"metadata": {"name": "stuck"}})
    held = config("held", finalizers=["example.com/hold"])
    held["metadata"]["namespace"] = "stuck"
    await cluster.create("configmaps", held)
    await cluster.client.delete("namespaces", "stuck")

    async def told():
        found = await cluster.get("namespaces", "stuck", "")
        return {
            item["type"].removeprefix("Namespace"): (item["status"], item["message"])
            for item in found["status"].get("conditions", ())
            if item["status"] == "True"
        } == {
            "ContentRemaining": (
                "True",
                "Some resources are remaining: configmaps. has 1 resource instances",
            ),
            "FinalizersRemaining": (
                "True",
                "Some content in the namespace has finalizers remaining: example.com/hold in 1 resource instances",
            ),
        }

    await cluster.until(told)
    await cluster.client.patch("configmaps", "held", "stuck", {"metadata": {"finalizers": []}})

    async def over():
        return await cluster.get("namespaces", "stuck", "") is None

    await cluster.until(over)
