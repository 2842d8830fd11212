"""The Kubernetes API as a pod sees it: which kinds there are, and the names of objects that a selector chooses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import aiohttp

from raglab.incluster import Access
from raglab.services.addons.metrics_adapter.resources import Catalogue, GroupResource, Kind

_NAMES_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"


class ClusterError(Exception):
    """The Kubernetes API cannot be asked, or refused."""


class Cluster:
    """A client."""

    def __init__(self, session: aiohttp.ClientSession, access: Access) -> None:
        self._session, self._access, self._trust = session, access, access.trust()

    async def catalogue(self) -> Catalogue:
        """All kinds of all groups; those of a group that does not answer are left out."""
        groups = (await self._get("/apis"))["groups"]
        versions = [f"/apis/{group['preferredVersion']['groupVersion']}" for group in groups]
        kinds: list[Kind] = []
        for path in ["/api/v1", *versions]:
            try:
                kinds += _kinds(await self._get(path))
            except ClusterError:
                if path == "/api/v1":
                    raise
        return Catalogue(kinds)

    async def config_map(self, namespace: str, name: str) -> dict[str, str]:
        """The entries of a ConfigMap."""
        found = await self._get(f"/api/v1/namespaces/{namespace}/configmaps/{name}")
        return dict(found.get("data") or {})

    async def names(self, kind: Kind, namespace: str, selector: str) -> list[str]:
        """Names of the objects in `namespace` ("" for kinds without one) that a label selector chooses."""
        group = kind.resource.group
        prefix = f"/apis/{group}/{kind.version}" if group else f"/api/{kind.version}"
        place = f"/namespaces/{namespace}" if namespace else ""
        path = f"{prefix}{place}/{kind.resource.resource}"
        found = await self._get(path, {"labelSelector": selector} if selector else None, _NAMES_ONLY)
        return [item["metadata"]["name"] for item in found["items"]]

    async def _get(
        self, path: str, parameters: dict[str, str] | None = None, accept: str = ""
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._access.token()}"}
        headers["Accept"] = accept or "application/json"
        url = self._access.url + path
        try:
            async with self._session.get(url, params=parameters, headers=headers, ssl=self._trust) as answer:
                if answer.status != 200:
                    raise ClusterError(f"GET {path}: {answer.status} {(await answer.text())[:200]}")
                return dict(await answer.json(content_type=None))
        except TimeoutError as error:
            raise ClusterError(f"GET {path}: no answer in time") from error
        except (aiohttp.ClientError, ValueError) as error:
            raise ClusterError(f"GET {path}: {error}") from error


def _kinds(document: dict[str, Any]) -> Iterable[Kind]:
    """Kinds of one discovery document, without subresources."""
    group, _, version = document["groupVersion"].rpartition("/")
    for entry in document["resources"]:
        if "/" not in entry["name"]:
            singular = entry.get("singularName") or entry["kind"].lower()
            yield Kind(GroupResource(entry["name"], group), version, singular, entry["kind"])
