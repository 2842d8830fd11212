"""StatefulSets on the real registry: order, identity, volumes, revisions."""

import asyncio

from tests.unit.controllers.objects import stateful_set


async def names(cluster):
    return [item["metadata"]["name"] for item in await cluster.list("pods")]


def ready(cluster, replicas, name="db"):
    async def check():
        found = await cluster.get("statefulsets", name)
        status, meta = found.get("status", {}), found["metadata"]
        counts = [status.get(key, 0) for key in ("replicas", "readyReplicas", "updatedReplicas")]
        return (
            found if counts == [replicas] * 3 and status["observedGeneration"] == meta["generation"] else None
        )

    return cluster.until(check)


async def set_image(cluster, image, name="db"):
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}
    await cluster.client.patch("statefulsets", name, "default", patch, type="strategic")


async def test_pods_come_one_after_the_other_with_their_identity(cluster):
    await cluster.create("statefulsets", stateful_set(replicas=3))
    found = await ready(cluster, 3)
    assert await cluster.events("db") == [
        ("SuccessfulCreate", f"Create Pod db-{i} in StatefulSet db successful") for i in range(3)
    ]
    status, pod = found["status"], await cluster.get("pods", "db-2")
    assert (
        status["currentRevision"]
        == status["updateRevision"]
        == pod["metadata"]["labels"]["controller-revision-hash"]
    )
    assert pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] == "2"
    assert pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] == "db-2"
    assert (pod["spec"]["hostname"], pod["spec"]["subdomain"]) == ("db-2", "db")
    assert pod["metadata"]["generateName"] == "db-"


async def test_second_pod_waits_for_the_first(cluster):
    await cluster.create("statefulsets", stateful_set(replicas=2, annotations={"test/phase": "Unready"}))

    async def first_runs():
        pod = await cluster.get("pods", "db-0")
        return pod and pod["status"].get("podIP")

    await cluster.until(first_runs)
    assert await names(cluster) == ["db-0"]


async def test_parallel_pods_do_not_wait(cluster):
    spec = stateful_set(replicas=3, annotations={"test/phase": "Unready"}, podManagementPolicy="Parallel")
    await cluster.create("statefulsets", spec)

    async def all_there():
        return len(await names(cluster)) == 3

    await cluster.until(all_there)


async def test_scaling_down_takes_the_highest_first_and_keeps_claims(cluster):
    template = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    pod = {"container": {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}}
    await cluster.create("statefulsets", stateful_set(replicas=3, volumeClaimTemplates=[template], pod=pod))
    await ready(cluster, 3)
    await cluster.client.patch(
        "statefulsets", "db", "default", {"spec": {"replicas": 1}}, subresource="scale"
    )
    await ready(cluster, 1)
    deleted = [message for reason, message in await cluster.events("db") if reason == "SuccessfulDelete"]
    assert deleted == [f"Delete Pod db-{i} in StatefulSet db successful" for i in (2, 1)]
    claims = await cluster.list("persistentvolumeclaims")
    assert [item["metadata"]["name"] for item in claims] == ["data-db-0", "data-db-1", "data-db-2"]
    assert all(item["status"]["phase"] == "Bound" for item in claims)
    volumes = (await cluster.get("pods", "db-0"))["spec"]["volumes"]
    assert {"name": "data", "persistentVolumeClaim": {"claimName": "data-db-0"}} in volumes


async def test_update_replaces_one_pod_by_one_from_the_top(cluster):
    await cluster.create("statefulsets", stateful_set(replicas=2))
    await ready(cluster, 2)
    changes = []

    async def follow():
        async for event in cluster.client.watch("pods", "default"):
            if event.type in ("ADDED", "DELETED"):
                changes.append((event.type, event.object["metadata"]["name"]))

    following = asyncio.create_task(follow())
    await set_image(cluster, "a:2")
    found = await ready(cluster, 2)
    following.cancel()
    assert changes[2:] == [("DELETED", "db-1"), ("ADDED", "db-1"), ("DELETED", "db-0"), ("ADDED", "db-0")]
    revisions = await cluster.list("controllerrevisions")
    assert sorted(item["revision"] for item in revisions) == [1, 2]

    async def settled():
        status = (await cluster.get("statefulsets", "db"))["status"]
        return status["currentRevision"] == status["updateRevision"] == found["status"]["updateRevision"]

    await cluster.until(settled)


async def test_partition_and_on_delete(cluster):
    partition = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    await cluster.create("statefulsets", stateful_set(replicas=2, updateStrategy=partition))
    await ready(cluster, 2)
    await set_image(cluster, "a:2")

    async def images():
        pods = {item["metadata"]["name"]: item for item in await cluster.list("pods")}
        return {name: pod["spec"]["containers"][0]["image"] for name, pod in pods.items()}

    async def only_the_upper():
        return await images() == {"db-0": "a:1", "db-1": "a:2"}

    await cluster.until(only_the_upper)
    patch = {"spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": None}}}
    await cluster.client.patch("statefulsets", "db", "default", patch)
    await cluster.client.delete("pods", "db-0", "default")

    async def both():
        return await images() == {"db-0": "a:2", "db-1": "a:2"}

    await cluster.until(both)


async def test_rollback_reuses_the_old_revision_with_a_new_number(cluster):
    await cluster.create("statefulsets", stateful_set(replicas=1))
    first = (await ready(cluster, 1))["status"]["updateRevision"]
    await set_image(cluster, "a:2")
    await ready(cluster, 1)
    revision = await cluster.get("controllerrevisions", first)
    await cluster.client.patch("statefulsets", "db", "default", revision["data"], type="strategic")
    found = await ready(cluster, 1)
    assert found["status"]["updateRevision"] == first
    assert sorted(item["revision"] for item in await cluster.list("controllerrevisions")) == [2, 3]


async def test_deleted_pod_comes_back_under_its_name(cluster):
    await cluster.create("statefulsets", stateful_set(replicas=1))
    await ready(cluster, 1)
    old = (await cluster.get("pods", "db-0"))["metadata"]["uid"]
    await cluster.client.delete("pods", "db-0", "default")

    async def back():
        pod = await cluster.get("pods", "db-0")
        return pod and pod["metadata"]["uid"] != old

    await cluster.until(back)


async def test_broken_first_pod_is_not_healed_by_a_new_template(cluster):
    """As on a real cluster: with ordered pods an update waits for the broken pod, which must be deleted by hand."""
    broken = stateful_set(replicas=1, annotations={"test/phase": "Unready"})
    await cluster.create("statefulsets", broken)

    async def there():
        return await names(cluster)

    await cluster.until(there)
    healed = {"spec": {"template": {"metadata": {"annotations": {"test/phase": "Ready"}}}}}
    await cluster.client.patch("statefulsets", "db", "default", healed)

    async def noticed():
        found = await cluster.get("statefulsets", "db")
        return found["status"]["observedGeneration"] == 2

    await cluster.until(noticed)
    assert await cluster.events("db") == [
        ("SuccessfulCreate", "Create Pod db-0 in StatefulSet db successful")
    ]
    await cluster.client.delete("pods", "db-0", "default")
    await ready(cluster, 1)


async def test_claims_go_with_what_they_are_not_to_outlive(cluster):
    template = {
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    policy = {"whenDeleted": "Delete", "whenScaled": "Delete"}
    wanted = stateful_set(
        replicas=2, volumeClaimTemplates=[template], persistentVolumeClaimRetentionPolicy=policy
    )
    await cluster.create("statefulsets", wanted)
    await ready(cluster, 2)

    async def claims():
        return {
            item["metadata"]["name"]: [ref["kind"] for ref in item["metadata"].get("ownerReferences", ())]
            for item in await cluster.list("persistentvolumeclaims")
        }

    assert await claims() == {"data-db-0": ["StatefulSet"], "data-db-1": ["StatefulSet"]}
    await cluster.client.patch("statefulsets", "db", "default", {"spec": {"replicas": 1}})

    async def one_left():
        return await claims() == {"data-db-0": ["StatefulSet"]}

    await cluster.until(one_left)
    keep = {
        "spec": {"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Retain", "whenScaled": "Retain"}}
    }
    await cluster.client.patch("statefulsets", "db", "default", keep)

    async def free():
        return await claims() == {"data-db-0": []}

    await cluster.until(free)


async def test_a_pod_that_has_failed_is_made_anew(cluster):
    await cluster.create("statefulsets", stateful_set(replicas=1))
    await ready(cluster, 1)
    await cluster.client.patch(
        "pods", "db-0", "default", {"status": {"phase": "Failed"}}, subresource="status"
    )

    async def told():
        text = "StatefulSet default/db is recreating failed Pod db-0"
        return ("RecreatingFailedPod", text) in await cluster.events("db")

    await cluster.until(told)
    await ready(cluster, 1)


async def test_two_pods_are_replaced_at_a_time_if_two_may_be_missed(cluster):
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 2}}
    await cluster.create("statefulsets", stateful_set(replicas=4, updateStrategy=rolling))
    await ready(cluster, 4)
    await set_image(cluster, "b:1")
    await ready(cluster, 4)
    deleted = [text for reason, text in await cluster.events("db") if reason == "SuccessfulDelete"]
    assert sorted(deleted[:2]) == [f"Delete Pod db-{i} in StatefulSet db successful" for i in (2, 3)]
    created = [text.split()[2] for reason, text in await cluster.events("db") if reason == "SuccessfulCreate"]
    assert created[:4] == ["db-0", "db-1", "db-2", "db-3"]
