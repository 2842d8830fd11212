"""The Kubernetes API as a pod sees it."""

from __future__ import annotations

import json
from typing import Any

import aiohttp

from raglab.incluster import Access

NAMES_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
"""Asks for the metadata of objects alone."""


class ClusterError(Exception):
    """The Kubernetes API cannot be asked, or refused; `body` is what it answered."""

    def __init__(self, message: str, body: str = "") -> None:
        super().__init__(message)
        self.body = body


class Cluster:
    """A client."""

    def __init__(self, session: aiohttp.ClientSession, access: Access) -> None:
        self._session, self._access, self._trust = session, access, access.trust()

    async def config_map(self, namespace: str, name: str) -> dict[str, str]:
        """The entries of a ConfigMap."""
        found = await self.get(f"/api/v1/namespaces/{namespace}/configmaps/{name}")
        return dict(found.get("data") or {})

    async def get(
        self, path: str, parameters: dict[str, str] | None = None, accept: str = "application/json"
    ) -> dict[str, Any]:
        """The object at a path. Raises `ClusterError`."""
        try:
            return dict(json.loads(await self.text(path, parameters, accept)))
        except ValueError as error:
            raise ClusterError(f"GET {path}: {error}") from error

    async def text(
        self, path: str, parameters: dict[str, str] | None = None, accept: str = "text/plain, */*"
    ) -> str:
        """The page at a path. Raises `ClusterError`."""
        headers = {"Authorization": f"Bearer {self._access.token()}", "Accept": accept}
        url = self._access.url + path
        try:
            async with self._session.get(url, params=parameters, headers=headers, ssl=self._trust) as answer:
                text = await answer.text()
        except TimeoutError as error:
            raise ClusterError(f"GET {path}: no answer in time") from error
        except aiohttp.ClientError as error:
            raise ClusterError(f"GET {path}: {error}") from error
        if answer.status != 200:
            raise ClusterError(f"GET {path}: {answer.status} {text[:200]}", text)
        return text
