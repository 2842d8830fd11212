"""Where environment variables and volumes take their content from: ConfigMaps, Secrets and the pod's own fields."""

from __future__ import annotations

import base64
import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from raglab.pocket.client import Client, Object
from raglab.pocket.errors import StatusError
from raglab.pocket.kinds.quantity import parse

KINDS = {"configmaps": "configmap", "secrets": "secret"}


REFERENCES = {
    "configMap": "configmaps",
    "configMapRef": "configmaps",
    "configMapKeyRef": "configmaps",
    "secret": "secrets",
    "secretRef": "secrets",
    "secretKeyRef": "secrets",
}
"""Fields of a pod spec that name a ConfigMap or Secret."""


class MissingSource(Exception):
    """Something the pod refers to does not exist (yet); the text is the kubelet's."""


def mentioned(spec: Any) -> frozenset[tuple[str, str]]:
    """ConfigMaps and Secrets that a pod spec names, as (resource, name)."""
    found: set[tuple[str, str]] = set()
    for key, value in spec.items() if isinstance(spec, Mapping) else enumerate(spec):
        if key in REFERENCES and isinstance(value, Mapping):
            found.add((REFERENCES[key], value.get("secretName") or value.get("name", "")))
        elif isinstance(value, Mapping | list):
            found |= mentioned(value)
    return frozenset(found)


async def find(client: Client, resource: str, namespace: str, name: str) -> Object | None:
    """An object, or None where there is none."""
    try:
        return await client.get(resource, name, namespace)
    except StatusError as error:
        if error.code != 404:
            raise
        return None


def content(resource: str, obj: Object) -> dict[str, bytes]:
    """The entries of a ConfigMap or Secret as bytes."""
    if resource == "secrets":
        return {key: base64.b64decode(value) for key, value in (obj.get("data") or {}).items()}
    text = {key: value.encode() for key, value in (obj.get("data") or {}).items()}
    return text | {key: base64.b64decode(value) for key, value in (obj.get("binaryData") or {}).items()}


async def read(
    client: Client, resource: str, namespace: str, name: str, optional: bool = False
) -> dict[str, bytes]:
    """Entries of the named ConfigMap or Secret; `MissingSource` if it is absent and not `optional`."""
    try:
        obj = await find(client, resource, namespace, name)
    except StatusError as error:
        if error.code < 500:
            raise
        raise MissingSource(f"failed to sync {KINDS[resource]} cache: {error}") from error
    if obj is not None:
        return content(resource, obj)
    if optional:
        return {}
    raise MissingSource(f'{KINDS[resource]} "{name}" not found')


@dataclass
class PodFacts:
    """What the downward API can tell: the pod, its addresses, and what the node has to give."""

    pod: Object
    ip: str
    host_ip: str
    allocatable: Mapping[str, str] = field(default_factory=dict)

    def field(self, path: str) -> str:
        """The value at a ``fieldRef`` path, in the forms of the downward API."""
        meta, spec = self.pod["metadata"], self.pod["spec"]
        if match := re.fullmatch(r"metadata\.(labels|annotations)(?:\['(.+)'\])?", path):
            values = meta.get(match[1]) or {}
            return values.get(match[2], "") if match[2] else _lines(values)
        known = {
            "metadata.name": meta["name"],
            "metadata.namespace": meta["namespace"],
            "metadata.uid": meta["uid"],
            "spec.nodeName": spec.get("nodeName", ""),
            "spec.serviceAccountName": spec.get("serviceAccountName", ""),
            "status.podIP": self.ip,
            "status.podIPs": self.ip,
            "status.hostIP": self.host_ip,
            "status.hostIPs": self.host_ip,
        }
        if path not in known:
            raise MissingSource(f"unsupported fieldPath: {path}")
        return known[path]

    def resource(self, reference: Mapping[str, Any], container: str = "") -> str:
        """The value of a ``resourceFieldRef``: a whole number of its divisor, rounded up.

        A limit that is not set counts as all the node can give, a request as 0.
        """
        wanted = reference.get("containerName") or container
        containers = [*self.pod["spec"].get("initContainers", []), *self.pod["spec"]["containers"]]
        resources: Mapping[str, Any] = next(
            (item.get("resources", {}) for item in containers if item["name"] == wanted), {}
        )
        group, _, name = reference["resource"].partition(".")
        value = resources.get(group, {}).get(name)
        if value is None:
            value = self.allocatable.get(name, "0") if group == "limits" else "0"
        divisor = parse(str(reference.get("divisor") or "1")) or 1
        return str(math.ceil(parse(str(value)) / divisor))


def _lines(values: Mapping[str, str]) -> str:
    """Labels or annotations as ``key="value"`` lines, sorted."""
    return "\n".join(
        f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in sorted(values.items())
    )
