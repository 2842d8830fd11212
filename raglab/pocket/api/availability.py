"""APIServices kept true: local ones exist for whatever this server serves, the others are checked again and again.

A check asks the server behind an APIService what it serves (``/apis/GROUP/VERSION``); the answer is kept for
discovery. Reasons and messages follow kube-aggregator's (``pkg/controllers/status/remote`` of Kubernetes).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import aiohttp
import orjson
from yarl import URL

from raglab.pocket.api import upstreams
from raglab.pocket.api.aggregation import LONGEST_CHECK, Aggregator
from raglab.pocket.api.upstreams import SERVICE_NAME, Unavailable
from raglab.pocket.client import Client, Object
from raglab.pocket.clock import Clock
from raglab.pocket.errors import StatusError
from raglab.pocket.informer import Informer, Key
from raglab.pocket.kinds.catalogue import Catalogue
from raglab.pocket.objects import with_condition
from raglab.pocket.workqueue import WorkQueue

CHECK_EVERY = 30.0
"""Seconds between checks of a server that answers; one that does not is asked again after a growing pause."""
WORKERS = 3
"""Checks at one time: a server that hangs must not keep the others waiting."""
ITSELF = "apiregistration.k8s.io"
"""The group of APIServices, which a real server does not register with itself either."""
MANAGED = "kube-aggregator.kubernetes.io/automanaged"
PRIORITIES = {
    "": (18000, 1),
    "apps": (17800, 15),
    "events.k8s.io": (17750, 15),
    "authentication.k8s.io": (17700, 15),
    "authorization.k8s.io": (17600, 15),
    "autoscaling": (17500, 15),
    "batch": (17400, 15),
    "networking.k8s.io": (17200, 15),
    "policy": (17100, 15),
    "rbac.authorization.k8s.io": (17000, 15),
    "storage.k8s.io": (16800, 15),
    "apiextensions.k8s.io": (16700, 15),
    "scheduling.k8s.io": (16600, 15),
    "coordination.k8s.io": (16500, 15),
    "discovery.k8s.io": (16200, 15),
}
"""Priority of group and version in a real server (``pkg/controlplane/apiserver``); custom ones have 1000 and 100."""

log = logging.getLogger(__name__)


class Verdict(NamedTuple):
    """The outcome of a check: the parts of the condition Available."""

    status: str
    reason: str
    message: str


LOCAL = Verdict("True", "Local", "Local APIServices are always available")


class Availability:
    """Looks at APIServices whenever something changes that concerns them."""

    def __init__(self, client: Client, kinds: Catalogue, aggregator: Aggregator, clock: Clock) -> None:
        self._client, self._kinds, self._aggregator, self._clock = client, kinds, aggregator, clock
        self._queue = WorkQueue(clock)
        self._services = Informer(client, "apiservices", clock=clock)

    async def run(self) -> None:
        """Work until cancelled."""
        changes: dict[str, Callable[[Object], None]] = {
            "services": lambda obj: self._concerns(obj, obj["metadata"]["name"]),
            "endpointslices": lambda obj: self._concerns(obj, _service_of(obj)),
            "customresourcedefinitions": self._defined,
        }
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._services.run())
                await self._services.synced.wait()
                self._services.on_change(self._changed)
                for resource, react in changes.items():
                    informer = Informer(self._client, resource, clock=self._clock)
                    informer.on_change(_both(react))
                    tasks.create_task(informer.run())
                for kind in self._kinds.kinds:
                    self._queue.add(_key(kind.group, kind.version))
                for _ in range(WORKERS):
                    tasks.create_task(self._work())
        finally:
            self._queue.close()
            await self._aggregator.close()

    def _changed(self, before: Object | None, after: Object | None) -> None:
        """An APIService was written; its conditions are our own doing."""
        if before is None or after is None or before["spec"] != after["spec"]:
            self._queue.add(("", (after or before or {})["metadata"]["name"]))

    def _concerns(self, obj: Object, name: str) -> None:
        wanted = (obj["metadata"]["namespace"], name)
        for service in self._services:
            reference = service["spec"].get("service") or {}
            if (reference.get("namespace"), reference.get("name")) == wanted:
                self._queue.add(("", service["metadata"]["name"]))

    def _defined(self, definition: Object) -> None:
        for version in definition["spec"]["versions"]:
            self._queue.add(_key(definition["spec"]["group"], version["name"]))

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            try:
                again = await self._look(key[1])
            except StatusError as error:
                log.info("APIService %s will be looked at again: %s", key[1], error)
                self._queue.retry(key)
            else:
                again(key)

    async def _look(self, name: str) -> Callable[[Key], None]:
        """Bring one APIService up to date; returns what is to be done with its key."""
        service, local = self._services.get(name), self._local(name)
        if service is None:
            await _unless("AlreadyExists", self._client.create("apiservices", local) if local else None)
            self._aggregator.resources.pop(name, None)
        elif service["spec"].get("service"):
            return await self._check(service)
        elif local is None and MANAGED in service["metadata"].get("labels", {}):
            await _unless("NotFound", self._client.delete("apiservices", name))
        else:
            await self._judge(service, LOCAL)
        return self._queue.forget

    def _local(self, name: str) -> Object | None:
        """The APIService of a group-version that this server serves itself."""
        version, _, group = name.partition(".")
        kind = next((k for k in self._kinds.kinds if (k.group, k.version) == (group, version)), None)
        if kind is None or group == ITSELF:
            return None
        high, low = PRIORITIES.get(group, (1000, 100))
        own = {"group": group} if group else {}
        return {
            "apiVersion": f"{ITSELF}/v1",
            "kind": "APIService",
            "metadata": {"name": name, "labels": {MANAGED: "true" if kind.custom else "onstart"}},
            "spec": own | {"version": version, "groupPriorityMinimum": high, "versionPriority": low},
        }

    async def _check(self, service: Object) -> Callable[[Key], None]:
        verdict = await self._verdict(service)
        await self._judge(service, verdict)
        if verdict.status != "True":
            return self._queue.retry
        return self._later

    def _later(self, key: Key) -> None:
        self._queue.forget(key)
        self._queue.add_after(key, CHECK_EVERY)

    async def _verdict(self, service: Object) -> Verdict:
        spec = service["spec"]
        path = URL(f"/apis/{spec['group']}/{spec['version']}")
        try:
            upstream = self._aggregator.upstream(service)
        except Unavailable as error:
            return Verdict("False", error.reason, str(error))
        url = f"{upstream.url}{path}"
        try:
            reply = await self._aggregator.get(service, path, LONGEST_CHECK, upstream)
        except (aiohttp.ClientError, OSError) as error:
            why = await upstreams.explain(error, url, upstream)
            return Verdict("False", "FailedDiscoveryCheck", f"failing or missing response from {url}: {why}")
        if not 200 <= reply.status < 300:
            why = f"bad status from {url}: {reply.status}"
            return Verdict("False", "FailedDiscoveryCheck", f"failing or missing response from {url}: {why}")
        self._aggregator.resources[service["metadata"]["name"]] = _resources(reply.body)
        return Verdict("True", "Passed", "all checks passed")

    async def _judge(self, service: Object, verdict: Verdict) -> None:
        """Write the condition, if it is another one."""
        conditions = service.get("status", {}).get("conditions") or []
        new = with_condition(conditions, {"type": "Available"} | verdict._asdict(), self._clock.time())
        if new == conditions:
            return
        patch = {"metadata": {"uid": service["metadata"]["uid"]}, "status": {"conditions": new}}
        name = service["metadata"]["name"]
        await _unless("NotFound", self._client.patch("apiservices", name, "", patch, subresource="status"))


def _key(group: str, version: str) -> Key:
    return "", f"{version}.{group}"


def _service_of(slice: Object) -> str:
    name: str = slice["metadata"].get("labels", {}).get(SERVICE_NAME, "")
    return name


def _both(react: Callable[[Object], None]) -> Callable[[Object | None, Object | None], None]:
    def changed(before: Object | None, after: Object | None) -> None:
        for obj in (before, after):
            if obj is not None:
                react(obj)

    return changed


async def _unless(reason: str, write: Awaitable[object] | None) -> None:
    """Do a write; that it is refused for `reason` is fine."""
    try:
        if write is not None:
            await write
    except StatusError as error:
        if error.reason != reason:
            raise


def _resources(body: bytes) -> list[Object]:
    """The entries of an ``APIResourceList``; none if it is no such thing."""
    try:
        listed = orjson.loads(body)["resources"]
        return [entry for entry in listed if isinstance(entry["name"], str) and "namespaced" in entry]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return []
