"""Deployments and ReplicaSets on the real registry: roll-outs step by step, as recorded on a real control plane."""

import asyncio

from tests.unit.controllers.objects import deployment, pod, replica_set


async def rolled_out(cluster, name="web", replicas=None):
    """Wait until a Deployment has finished; returns it."""

    async def done():
        found = await cluster.get("deployments", name)
        spec, status = found["spec"], found.get("status", {})
        wanted = spec["replicas"] if replicas is None else replicas
        counts = [status.get(key, 0) for key in ("replicas", "updatedReplicas", "availableReplicas")]
        current = status.get("observedGeneration") == found["metadata"]["generation"]
        return found if current and counts == [wanted] * 3 else None

    return await cluster.until(done)


async def scaling(cluster, name="web"):
    """The scaling events with the names of ReplicaSets replaced by their order of appearance."""
    names, told = [], []
    for reason, message in await cluster.events(name):
        assert reason == "ScalingReplicaSet"
        words = message.split()
        replica_set = words[4]
        if replica_set not in names:
            names.append(replica_set)
        told.append(f"{words[1]} {names.index(replica_set) + 1}: {words[6]} to {words[8]}")
    return told


async def set_image(cluster, image, name="web"):
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}
    await cluster.client.patch("deployments", name, "default", patch, type="strategic")


async def replica_sets(cluster):
    """(revision, replicas, image) of all ReplicaSets, by revision."""
    found = await cluster.list("replicasets")
    return sorted(
        (
            int(item["metadata"]["annotations"]["deployment.kubernetes.io/revision"]),
            item["spec"]["replicas"],
            item["spec"]["template"]["spec"]["containers"][0]["image"],
        )
        for item in found
    )


async def test_comes_up_with_the_recorded_status(cluster):
    await cluster.create("deployments", deployment(replicas=2))
    found = await rolled_out(cluster)
    status = found["status"]
    (owned,) = await cluster.list("replicasets")
    name, digest = owned["metadata"]["name"], owned["metadata"]["labels"]["pod-template-hash"]
    assert name == f"web-{digest}" and owned["spec"]["selector"]["matchLabels"]["pod-template-hash"] == digest
    assert [
        (item["type"], item["status"], item["reason"], item["message"]) for item in status["conditions"]
    ] == [
        ("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability."),
        (
            "Progressing",
            "True",
            "NewReplicaSetAvailable",
            f'ReplicaSet "{name}" has successfully progressed.',
        ),
    ]
    assert await cluster.events("web") == [("ScalingReplicaSet", f"Scaled up replica set {name} from 0 to 2")]
    pods = await cluster.list("pods")
    assert sorted(await cluster.events(name)) == sorted(
        ("SuccessfulCreate", f"Created pod: {item['metadata']['name']}") for item in pods
    )
    assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    assert owned["metadata"]["annotations"]["deployment.kubernetes.io/max-replicas"] == "3"


async def test_rolling_update_takes_the_recorded_steps(cluster):
    await cluster.create("deployments", deployment(replicas=3))
    await rolled_out(cluster)
    await set_image(cluster, "a:2")
    await rolled_out(cluster)
    assert await scaling(cluster) == [
        "up 1: 0 to 3",
        "up 2: 0 to 1",
        "down 1: 3 to 2",
        "up 2: 1 to 2",
        "down 1: 2 to 1",
        "up 2: 2 to 3",
        "down 1: 1 to 0",
    ]
    assert await replica_sets(cluster) == [(1, 0, "a:1"), (2, 3, "a:2")]


async def test_rollback_makes_the_old_replica_set_the_newest_revision(cluster):
    await cluster.create("deployments", deployment(replicas=1))
    await rolled_out(cluster)
    await set_image(cluster, "a:2")
    await rolled_out(cluster)
    await set_image(cluster, "a:1")
    await rolled_out(cluster)

    async def renumbered():
        return await replica_sets(cluster) == [(2, 0, "a:2"), (3, 1, "a:1")]

    await cluster.until(renumbered)
    found = await cluster.get("deployments", "web")
    assert found["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"


async def test_bad_image_leaves_the_old_pods_running(cluster):
    await cluster.create("deployments", deployment(replicas=3))
    await rolled_out(cluster)
    broken = {"metadata": {"annotations": {"test/phase": "Unready"}}}
    await cluster.client.patch("deployments", "web", "default", {"spec": {"template": broken}})

    async def stuck():
        status = (await cluster.get("deployments", "web"))["status"]
        return (status.get("updatedReplicas"), status.get("availableReplicas"), status["replicas"]) == (
            1,
            3,
            4,
        )

    await cluster.until(stuck)
    reasons = {
        item["type"]: item["reason"]
        for item in (await cluster.get("deployments", "web"))["status"]["conditions"]
    }
    assert reasons == {"Available": "MinimumReplicasAvailable", "Progressing": "ReplicaSetUpdated"}


async def test_recreate_ends_all_old_pods_before_the_first_new_one(cluster):
    await cluster.create("deployments", deployment(replicas=2, strategy={"type": "Recreate"}))
    await rolled_out(cluster)
    old = {item["metadata"]["uid"] for item in await cluster.list("pods")}
    seen = []

    async def follow():
        async for event in cluster.client.watch("pods", "default"):
            if event.type != "BOOKMARK":
                seen.append((event.type, event.object["metadata"]["uid"] in old))

    following = asyncio.create_task(follow())
    await set_image(cluster, "a:2")
    await rolled_out(cluster)
    following.cancel()
    last_old_gone = max(i for i, (type, is_old) in enumerate(seen) if is_old and type == "DELETED")
    first_new = min(i for i, (type, is_old) in enumerate(seen) if not is_old)
    assert last_old_gone < first_new
    assert await scaling(cluster) == ["up 1: 0 to 2", "down 1: 2 to 0", "up 2: 0 to 2"]


async def test_paused_deployment_scales_but_does_not_roll(cluster):
    await cluster.create("deployments", deployment(replicas=1))
    await rolled_out(cluster)
    await cluster.client.patch("deployments", "web", "default", {"spec": {"paused": True}})
    await set_image(cluster, "a:2")
    await cluster.client.patch(
        "deployments", "web", "default", {"spec": {"replicas": 2}}, subresource="scale"
    )

    async def scaled():
        return await replica_sets(cluster) == [(1, 2, "a:1")]

    await cluster.until(scaled)
    conditions = (await cluster.get("deployments", "web"))["status"]["conditions"]
    assert ("Progressing", "DeploymentPaused") in [(item["type"], item["reason"]) for item in conditions]
    await cluster.client.patch("deployments", "web", "default", {"spec": {"paused": None}})
    await rolled_out(cluster)
    assert [entry[1:] for entry in await replica_sets(cluster)] == [(0, "a:1"), (2, "a:2")]


async def test_revision_history_is_limited(cluster):
    await cluster.create("deployments", deployment(replicas=1, revisionHistoryLimit=1))
    for image in ("a:1", "a:2", "a:3"):
        await set_image(cluster, image)
        await rolled_out(cluster)

    async def trimmed():
        return await replica_sets(cluster) == [(2, 0, "a:2"), (3, 1, "a:3")]

    await cluster.until(trimmed)


async def test_replica_set_replaces_a_deleted_pod_and_adopts_a_matching_one(cluster):
    stray = await cluster.create("pods", pod("stray", labels={"app": "rs"}))
    await cluster.create("replicasets", replica_set(replicas=2))

    async def owned():
        pods = [item for item in await cluster.list("pods") if item["metadata"].get("ownerReferences")]
        return pods if len(pods) == 2 else None

    adopted = {item["metadata"]["name"] for item in await cluster.until(owned)}
    assert "stray" in adopted
    await cluster.client.delete("pods", "stray", "default", grace=0)

    async def replaced():
        pods = await owned() or []
        return pods and stray["metadata"]["uid"] not in {item["metadata"]["uid"] for item in pods}

    await cluster.until(replaced)


async def test_relabelled_pod_is_released_and_replaced(cluster):
    await cluster.create("replicasets", replica_set(replicas=1))

    async def pods(count):
        found = await cluster.list("pods")
        return found if len(found) == count else None

    (first,) = await cluster.until(lambda: pods(1))
    await cluster.client.patch(
        "pods", first["metadata"]["name"], "default", {"metadata": {"labels": {"app": "debug"}}}
    )
    both = await cluster.until(lambda: pods(2))
    released = next(item for item in both if item["metadata"]["uid"] == first["metadata"]["uid"])

    async def is_free():
        found = await cluster.get("pods", released["metadata"]["name"])
        return not found["metadata"].get("ownerReferences")

    await cluster.until(is_free)
