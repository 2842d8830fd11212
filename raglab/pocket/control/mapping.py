"""From a kind to the resource that serves it, by asking discovery: for objects that name others by kind."""

from __future__ import annotations

from typing import NamedTuple

from raglab.pocket.client import Client
from raglab.pocket.errors import StatusError, qualified


class Resource(NamedTuple):
    """Where objects of a kind are found."""

    group: str
    version: str
    plural: str

    @property
    def qualified(self) -> str:
        """``statefulsets.apps``, or ``services`` in the core group."""
        return qualified(self.plural, self.group)

    def path(self, namespace: str, name: str, subresource: str) -> str:
        """The path of a subresource of an object."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        return f"{root}/namespaces/{namespace}/{self.plural}/{name}/{subresource}"


class NoSuchKind(Exception):
    """Nobody serves the kind; the text is that of a real client."""


async def resource_of(client: Client, api_version: str, kind: str) -> Resource:
    """The resource of a kind, in whatever version of its group has it. Raises `NoSuchKind`."""
    if api_version.count("/") > 1:
        raise NoSuchKind(f"unexpected GroupVersion string: {api_version}")
    group = api_version.rpartition("/")[0]
    for version in await _versions(client, group):
        root = f"/apis/{group}/{version}" if group else f"/api/{version}"
        try:
            listed = (await client.raw(root))["resources"]
        except StatusError:
            continue  # served by others who do not answer: another version may be served by somebody else
        for item in listed:
            if item["kind"] == kind and "/" not in item["name"]:
                return Resource(group, version, item["name"])
    raise NoSuchKind(f'no matches for kind "{kind}" in group "{group}"')


async def _versions(client: Client, group: str) -> list[str]:
    """Versions of a group, the preferred one first."""
    if not group:
        return ["v1"]
    try:
        found = await client.raw(f"/apis/{group}")
    except StatusError:
        return []
    first = found["preferredVersion"]["version"]
    versions = [item["version"] for item in found["versions"]]
    return sorted(versions, key=lambda version: version != first)
