"""CustomResourceDefinitions with all controllers at work: names that clash, and objects that go first."""

from raglab.pocket.objects import condition


def definition(plural, kind, *short, group="example.com", scope="Namespaced"):
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": plural, "kind": kind, "shortNames": list(short)}
    spec = {"group": group, "scope": scope, "names": names, "versions": [version]}
    return {"metadata": {"name": f"{plural}.{group}"}, "spec": spec}


async def condition_of(cluster, name, type):
    found = await cluster.get("customresourcedefinitions", name, "")
    return found and condition(found, type)


async def reached(cluster, name, type, reason):
    async def check():
        found = await condition_of(cluster, name, type)
        return found if found and found["reason"] == reason else None

    return await cluster.until(check)


async def defined(cluster, *args, **more):
    made = await cluster.create("customresourcedefinitions", definition(*args, **more))
    await reached(cluster, made["metadata"]["name"], "Established", "InitialNamesAccepted")
    return made


async def gone(cluster, resource, name, namespace="default"):
    async def check():
        return await cluster.get(resource, name, namespace) is None

    await cluster.until(check)


def thing(name, api_version="example.com/v1", kind="Thing", **meta):
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"} | meta,
    }


async def test_names_are_given_once_in_a_group(cluster):
    await defined(cluster, "things", "Thing", "th")
    await cluster.create("customresourcedefinitions", definition("others", "Other", "th"))
    taken = await reached(cluster, "others.example.com", "NamesAccepted", "ShortNamesConflict")
    assert taken["message"] == '"th" is already in use'
    waiting = await condition_of(cluster, "others.example.com", "Established")
    assert (waiting["status"], waiting["reason"]) == ("False", "NotAccepted")
    await defined(cluster, "others", "Other", "th", group="elsewhere.example.com")
    await cluster.client.delete("customresourcedefinitions", "things.example.com")
    await reached(cluster, "others.example.com", "Established", "InitialNamesAccepted")


async def test_objects_go_before_their_definition(cluster):
    await defined(cluster, "things", "Thing")
    await cluster.create("things.example.com", thing("a"))
    await cluster.create("things.example.com", thing("held", finalizers=["example.com/hold"]))
    await cluster.client.delete("customresourcedefinitions", "things.example.com")
    await gone(cluster, "things.example.com", "a")
    await reached(cluster, "things.example.com", "Terminating", "InstanceDeletionInProgress")
    change = {"metadata": {"finalizers": None}}
    await cluster.client.patch("things.example.com", "held", "default", change)
    await gone(cluster, "customresourcedefinitions", "things.example.com", "")
    await defined(cluster, "things", "Thing")  # the same name again, with nothing of the old ones
    assert await cluster.list("things.example.com") == []
    await cluster.create("things.example.com", thing("a"))
    await cluster.client.delete("customresourcedefinitions", "things.example.com")
    await gone(cluster, "customresourcedefinitions", "things.example.com", "")


async def test_owners_of_custom_kinds(cluster):
    await defined(cluster, "things", "Thing")
    await defined(cluster, "owners", "Owner", scope="Cluster")
    owner = {"apiVersion": "example.com/v1", "kind": "Owner", "metadata": {"name": "o"}}
    made = await cluster.create("owners.example.com", owner)
    ref = {"apiVersion": "example.com/v1", "kind": "Owner", "name": "o", "uid": made["metadata"]["uid"]}
    await cluster.create("things.example.com", thing("owned", ownerReferences=[ref]))
    await cluster.create("configmaps", thing("owned", "v1", "ConfigMap", ownerReferences=[ref]))
    await cluster.create("things.example.com", thing("free"))
    await cluster.client.delete("owners.example.com", "o")
    await gone(cluster, "things.example.com", "owned")
    await gone(cluster, "configmaps", "owned")
    assert await cluster.get("things.example.com", "free")
