"""The client interface without a network: controllers, scheduler and node agent call the registry directly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

from raglab.pocket.api import reading
from raglab.pocket.api.aggregation import Aggregator
from raglab.pocket.api.registry import DeleteOptions, Objects, Options, Registry
from raglab.pocket.api.routing import no_such_resource
from raglab.pocket.client import CONTENT_TYPES, Object, PatchType, WatchEvent
from raglab.pocket.kinds.catalogue import Kind


class LocalClient:
    """`raglab.pocket.client.Client` over a `Registry`. Answers are the stored objects themselves: read only.

    Every write lets other tasks run before it returns, as a request over a network would: a long run of writes can
    neither starve the API server nor outpace the watchers of the same loop.
    """

    def __init__(
        self,
        registry: Registry,
        aggregator: Aggregator | None = None,
        manager: str = "kube-controller-manager",
    ) -> None:
        """`manager` will own the fields that are written through this client."""
        self._registry, self._kinds, self._manager = registry, registry.kinds, manager
        self._aggregator = aggregator or Aggregator(registry.store)

    def _kind(self, resource: str) -> Kind:
        try:
            return self._kinds.plural(resource)
        except KeyError:
            raise no_such_resource() from None

    def _options(self, subresource: str = "") -> Options:
        return Options(field_manager=self._manager, subresource=subresource)

    async def get(self, resource: str, name: str, namespace: str = "") -> Object:
        return self._registry.get(self._kind(resource), namespace, name)

    async def list(
        self, resource: str, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> Objects:
        kind = self._kind(resource)
        return self._registry.list(kind, namespace, labels=labels, fields=fields).items

    async def create(self, resource: str, obj: Object) -> Object:
        namespace = obj["metadata"].get("namespace", "")
        made = self._registry.create(self._kind(resource), namespace, obj, self._options())
        await asyncio.sleep(0)
        return made

    async def update(self, resource: str, obj: Object, *, subresource: str = "") -> Object:
        kind, meta = self._kind(resource), obj["metadata"]
        options = self._options(subresource)
        made = self._registry.update(kind, meta.get("namespace", ""), meta["name"], obj, options)
        await asyncio.sleep(0)
        return made

    async def patch(
        self,
        resource: str,
        name: str,
        namespace: str,
        patch: Object | Objects,
        *,
        type: PatchType = "merge",
        subresource: str = "",
    ) -> Object:
        kind, options = self._kind(resource), self._options(subresource)
        made = self._registry.patch(kind, namespace, name, patch, CONTENT_TYPES[type], options)
        await asyncio.sleep(0)
        return made

    async def delete(
        self,
        resource: str,
        name: str,
        namespace: str = "",
        *,
        propagation: str = "",
        grace: int | None = None,
        uid: str = "",
    ) -> None:
        options = DeleteOptions(propagation=propagation, grace=grace, uid=uid)
        self._registry.delete(self._kind(resource), namespace, name, options)
        await asyncio.sleep(0)

    def watch(
        self, resource: str, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> AsyncIterator[WatchEvent]:
        return self._registry.watch(
            self._kind(resource),
            namespace,
            labels=labels,
            fields=fields,
            send_initial=True,
            bookmarks=True,
        )

    async def raw(self, path: str, query: Mapping[str, str] | None = None) -> Object:
        return await reading.read(self._registry, self._aggregator, path, query or {})
