"""Metrics as the Table that ``kubectl get nodes.metrics.k8s.io`` prints."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from raglab.services.addons.metrics_server.metrics import Metrics

Object = dict[str, Any]
COLUMNS = (("Name", "name"), ("cpu", "quantity"), ("memory", "quantity"), ("Window", "duration"))


def wanted(request: web.Request) -> bool:
    """Whether the client asks for one."""
    return "as=Table" in request.headers.get("Accept", "")


def table(listed: list[Metrics], request: web.Request) -> Object:
    """One row each, with as much of the object as the request says."""
    columns = [
        {"name": name, "type": "string", "format": form, "description": "", "priority": 0}
        for name, form in COLUMNS
    ]
    whole = request.query.get("includeObject") == "Object"
    rows = [{"cells": item.cells, "object": item.object if whole else _metadata(item)} for item in listed]
    head = {"kind": "Table", "apiVersion": "meta.k8s.io/v1", "metadata": {}}
    return head | {"columnDefinitions": columns if rows else [], "rows": rows}


def _metadata(item: Metrics) -> Object:
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": item.metadata}
