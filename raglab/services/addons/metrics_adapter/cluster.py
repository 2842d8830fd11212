"""The Kubernetes API as a pod sees it: which kinds there are, and the names of objects that a selector chooses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from raglab.services.addons.extension import cluster
from raglab.services.addons.extension.cluster import NAMES_ONLY, ClusterError
from raglab.services.addons.metrics_adapter.resources import Catalogue, GroupResource, Kind


class Cluster(cluster.Cluster):
    """A client."""

    async def catalogue(self) -> Catalogue:
        """All kinds of all groups; those of a group that does not answer are left out."""
        groups = (await self.get("/apis"))["groups"]
        versions = [f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups]
        kinds: list[Kind] = []
        for path in ["/api/v1", *versions]:
            try:
                kinds += _kinds(await self.get(path))
            except ClusterError:
                if path == "/api/v1":
                    raise
        return Catalogue(kinds)

    async def names(self, kind: Kind, namespace: str, selector: str) -> list[str]:
        """Names of the objects in `namespace` ("" for kinds without one) that a label selector chooses."""
        group = kind.resource.group
        prefix = f"/apis/{group}/{kind.version}" if group else f"/api/{kind.version}"
        place = f"/namespaces/{namespace}" if namespace else ""
        path = f"{prefix}{place}/{kind.resource.resource}"
        found = await self.get(path, {"labelSelector": selector} if selector else None, NAMES_ONLY)
        return [item["metadata"]["name"] for item in found["items"]]


def _kinds(document: dict[str, Any]) -> Iterable[Kind]:
    """Kinds of one discovery document, without subresources."""
    group, _, version = document["groupVersion"].rpartition("/")
    for entry in document["resources"]:
        if "/" not in entry["name"]:
            singular = entry.get("singularName") or entry["kind"].lower()
            yield Kind(GroupResource(entry["name"], group), version, singular, entry["kind"])
