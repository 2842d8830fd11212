"""A whole control plane in this process, with a stand-in for the node: pods that are bound become Running and Ready."""

import asyncio
import contextlib

from raglab.pocket import bootstrap, controllers, scheduler
from raglab.pocket.api.local import LocalClient
from raglab.pocket.api.registry import Registry
from raglab.pocket.clock import SystemClock, timestamp
from raglab.pocket.config import Settings
from raglab.pocket.errors import StatusError
from raglab.pocket.informer import Informer
from raglab.pocket.kinds import catalogue
from raglab.pocket.objects import is_deleting, is_finished
from raglab.pocket.store import Store

NODE = {
    "apiVersion": "v1",
    "kind": "Node",
    "metadata": {"name": "minikube", "labels": {"kubernetes.io/hostname": "minikube"}},
    "spec": {},
}
CAPACITY = {"cpu": "4", "memory": "8Gi", "pods": "110", "example.com/gpu": "4"}


class Cluster:
    """What a test talks to: the client, and a few ways to say what it expects."""

    def __init__(self, client, clock):
        self.client, self.clock, self.erased, self.tasks = client, clock, [], []
        self.addresses = iter(range(2, 65000))

    async def create(self, resource, obj):
        return await self.client.create(resource, obj)

    async def get(self, resource, name, namespace="default"):
        """The object, or None."""
        try:
            return await self.client.get(resource, name, namespace)
        except StatusError as error:
            if error.code != 404:
                raise
            return None

    async def list(self, resource, namespace="default", **selectors):
        return await self.client.list(resource, namespace, **selectors)

    async def events(self, name, namespace="default"):
        """(reason, message) of an object's events, in the order they were told."""
        found = await self.client.list("events", namespace, fields=f"involvedObject.name={name}")
        return [(item["reason"], item["message"]) for item in found]

    async def until(self, check, timeout=30.0):
        """Wait until `await check()` is true; fails with the last value it had."""
        deadline = asyncio.get_running_loop().time() + timeout
        while not (found := await check()):
            self.check_parts()
            assert asyncio.get_running_loop().time() < deadline, f"still {found!r} after {timeout} s"
            await asyncio.sleep(0.005)
        return found

    def check_parts(self):
        """Fail with the error of a part that has ended."""
        for task in self.tasks:
            if task.done():
                task.result()
                raise AssertionError(f"{task} ended")

    async def run_node(self):
        """The stand-in for a kubelet. A pod's annotation ``test/phase`` says what becomes of it (default: Ready)."""
        await self.client.create("nodes", NODE)
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": timestamp(self.clock.time())}
        status = {"capacity": CAPACITY, "allocatable": CAPACITY, "conditions": [ready]}
        await self.client.patch("nodes", "minikube", "", {"status": status}, subresource="status")
        work, pods = asyncio.Queue(), Informer(self.client, "pods")
        pods.on_change(lambda _, pod: work.put_nowait(pod) if pod else None)
        following = asyncio.create_task(pods.run())
        try:
            while True:
                with contextlib.suppress(StatusError):  # changed or gone meanwhile: the next event tells
                    await self._run_pod(await work.get())
        finally:
            following.cancel()

    async def _run_pod(self, pod):
        meta = pod["metadata"]
        if is_deleting(pod):
            await self.client.delete("pods", meta["name"], meta["namespace"], grace=0, uid=meta["uid"])
        elif pod["spec"].get("nodeName") and not is_finished(pod) and "podIP" not in pod["status"]:
            wanted = meta.get("annotations", {}).get("test/phase", "Ready")
            phase = "Running" if wanted in ("Ready", "Unready") else wanted
            condition = {"type": "Ready", "status": str(wanted == "Ready"), "lastTransitionTime": self._now()}
            status = {"phase": phase, "podIP": f"127.10.0.{next(self.addresses)}", "conditions": [condition]}
            scheduled = [
                item for item in pod["status"].get("conditions", ()) if item["type"] == "PodScheduled"
            ]
            status["conditions"] += scheduled
            await self.client.patch(
                "pods", meta["name"], meta["namespace"], {"status": status}, subresource="status"
            )

    def _now(self):
        return timestamp(self.clock.time())


@contextlib.asynccontextmanager
async def running(folder, schemas, **settings):
    """A `Cluster` with all controllers, the scheduler and the node running; `settings` go to the controllers."""
    clock, kinds = SystemClock(), catalogue.load()
    store = Store(folder / "store.sqlite")
    registry = Registry(store, kinds, schemas, Settings(state=folder), clock)
    cluster = Cluster(LocalClient(registry), clock)
    await bootstrap.run(cluster.client, "127.0.0.1", 6443)
    parts = [
        controllers.run(
            cluster.client, clock, **{"root_certificate": "PEM", "erase": cluster.erased.append} | settings
        ),
        scheduler.run(cluster.client, clock),
        cluster.run_node(),
    ]
    cluster.tasks = tasks = [asyncio.create_task(part) for part in parts]
    try:
        await cluster.until(lambda: cluster.get("serviceaccounts", "default"))
        yield cluster
        cluster.check_parts()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        store.close()
