"""The one interface through which controllers, scheduler and node agent see the cluster.

It has the semantics of the Kubernetes API and nothing else, so an implementation may call the API in process
(`raglab.pocket.api.local`) or speak HTTPS to another control plane (`raglab.pocket.remote`), and no caller can tell.

Objects that come back are shared and must not be changed: copy before you edit (`copy.deepcopy`).
Resources are named by their plural, as in ``kubectl get``: ``pods``, ``deployments``, ``endpointslices``; custom
ones by plural and group, which is also the name of their definition: ``widgets.example.com``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any, Literal, NamedTuple, Protocol

Object = dict[str, Any]
PatchType = Literal["merge", "strategic", "json"]
CONTENT_TYPES: dict[PatchType, str] = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}
"""What a patch is called in a request."""
Patch = Object | list[Object]
"""A merge or strategic patch is a map, a JSON patch a list of operations."""


class WatchEvent(NamedTuple):
    """One change. `type` is ADDED, MODIFIED, DELETED or BOOKMARK (no change; carries only a resourceVersion)."""

    type: str
    object: Object


class Client(Protocol):
    """Verbs of the Kubernetes API. Every method raises `raglab.pocket.errors.StatusError` when refused."""

    async def get(self, resource: str, name: str, namespace: str = "") -> Object:
        """One object; 404 if there is none. Cluster-scoped resources take no namespace."""
        ...

    async def list(
        self, resource: str, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> list[Object]:
        """All objects in `namespace` ("" is every namespace) that match both selectors."""
        ...

    async def create(self, resource: str, obj: Object) -> Object:
        """Store a new object and return it as stored (defaults filled in). 409 if the name is taken."""
        ...

    async def update(self, resource: str, obj: Object, *, subresource: str = "") -> Object:
        """Replace an object; 409 if `metadata.resourceVersion` is set and no longer the newest."""
        ...

    async def patch(
        self,
        resource: str,
        name: str,
        namespace: str,
        patch: Patch,
        *,
        type: PatchType = "merge",
        subresource: str = "",
    ) -> Object:
        """Change part of an object. `subresource` may be ``status`` or ``scale``."""
        ...

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
        """Delete. `propagation` is Background, Foreground or Orphan; `grace` in seconds; `uid` a precondition."""
        ...

    def watch(
        self, resource: str, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> AsyncIterator[WatchEvent]:
        """Everything that exists as ADDED, then one BOOKMARK, then every change, without gap, for ever."""
        ...

    async def raw(self, path: str, query: Mapping[str, str] | None = None) -> Object:
        """What a GET of `path` answers (``kubectl get --raw``), with the parameters in `query`.

        For what has no resource name here: discovery (``/apis/GROUP``, 404 where nobody serves it) and APIs served
        by others (``/apis/custom.metrics.k8s.io/v1beta1/...``, 503 while their backend does not answer).
        """
        ...
