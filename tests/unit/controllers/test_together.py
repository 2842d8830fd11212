"""All controllers on the real registry: what a user asks for comes true, and what is deleted goes away."""


def deployment(name="web", replicas=2, image="a:1", annotations=None, **spec):
    labels = {"app": name}
    metadata = {"labels": labels} | ({"annotations": annotations} if annotations else {})
    template = {"metadata": metadata, "spec": {"containers": [{"name": "c", "image": image}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template} | spec,
    }


async def test_deployment_comes_up(cluster):
    await cluster.create("deployments", deployment())

    async def available():
        return (await cluster.get("deployments", "web")).get("status", {}).get("availableReplicas") == 2

    await cluster.until(available)
    print(await cluster.events("web"))
    print(await cluster.get("deployments", "web"))
