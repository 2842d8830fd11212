"""Objects that exist in every cluster before anybody creates one. What is there already is left as it is."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import yaml

from raglab.pocket.client import Client, Object
from raglab.pocket.errors import StatusError


async def run(client: Client, host: str, port: int, authority: str = "") -> None:
    """Create what is missing; `host` and `port` are where the API listens, behind Service ``kubernetes``, and
    `authority` is the certificate (PEM) that signs its clients.

    What depends on these is brought up to date, as the port may change between starts.
    """
    raw = yaml.load(files(__package__).joinpath("bootstrap.yaml").read_text(), Loader=yaml.CSafeLoader)
    raw["services"][0]["spec"]["ports"][0]["targetPort"] = port
    for resource, objects in raw.items():
        for obj in objects:
            await _create(client, resource, obj)
    kept = _addresses(host, port) | {"configmaps": _front_proxy(authority)}
    for resource, obj in kept.items():
        if not await _create(client, resource, obj):
            await client.update(resource, obj)


async def _create(client: Client, resource: str, obj: Object) -> bool:
    """False if it exists."""
    try:
        await client.create(resource, obj)
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise
        return False
    return True


def _addresses(host: str, port: int) -> dict[str, Object]:
    """Endpoints and EndpointSlice of the API itself, which no controller keeps."""
    ports: list[dict[str, Any]] = [{"name": "https", "port": port, "protocol": "TCP"}]
    meta = {"name": "kubernetes", "namespace": "default"}
    return {
        "endpoints": {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": meta | {"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}},
            "subsets": [{"addresses": [{"ip": host}], "ports": ports}],
        },
        "endpointslices": {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": meta | {"labels": {"kubernetes.io/service-name": "kubernetes"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [host], "conditions": {"ready": True}}],
            "ports": ports,
        },
    }


def _front_proxy(authority: str) -> Object:
    """How a server behind the API knows its requests: by this certificate, which makes their headers believable."""
    data = {
        "client-ca-file": authority,
        "requestheader-allowed-names": '["front-proxy-client"]',
        "requestheader-client-ca-file": authority,
        "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
        "requestheader-group-headers": '["X-Remote-Group"]',
        "requestheader-uid-headers": '["X-Remote-Uid"]',
        "requestheader-username-headers": '["X-Remote-User"]',
    }
    meta = {"name": "extension-apiserver-authentication", "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}
