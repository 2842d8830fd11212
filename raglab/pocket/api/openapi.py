"""OpenAPI documents: how kubectl learns which fields exist and what it may send.

``kubectl apply`` reads two things from them: that PATCH takes a ``fieldValidation`` parameter (so that the server
checks unknown fields) and which patch types a kind takes. ``kubectl explain`` prints the descriptions. There is one
document per group and version, built when first asked for and kept compressed, since the largest has over a megabyte.
Version 2 is an empty document, which only serves to make "no matches for kind" errors come out right.
"""

from __future__ import annotations

import gzip
import hashlib
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from raglab.pocket.api.negotiate import APPLY_TYPE, JSON, patch_types
from raglab.pocket.api.routing import PageNotFound, method_not_allowed
from raglab.pocket.kinds.catalogue import Catalogue, Kind
from raglab.pocket.kinds.schema import Schemas

Object = dict[str, Any]
INFO = {"title": "Kubernetes", "version": "v1.36"}
SWAGGER = {"swagger": "2.0", "info": INFO, "paths": {}}
GNOSTIC_TYPE = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
OPERATIONS = {
    "collection": {"get": "list", "post": "post", "delete": "deletecollection"},
    "object": {"get": "get", "put": "put", "patch": "patch", "delete": "delete"},
}
"""HTTP method and Kubernetes action on the two kinds of paths."""
VERB_OF_ACTION = {"post": "create", "put": "update"}
WRITES = ("post", "put", "patch")


class Documents:
    """Answers everything below ``/openapi``."""

    def __init__(self, kinds: Catalogue, schemas: Schemas) -> None:
        self._kinds, self._schemas = kinds, schemas
        self._compressed: dict[str, tuple[str, bytes]] = {}
        """Documents by name, with the stamp they were made for."""
        self._program = Path(__file__).read_bytes()
        self._seen: list[Kind] = []
        self._by_document: dict[str, list[Kind]] = {}
        self._stamps: dict[str, str] = {}

    def _versions(self) -> dict[str, list[Kind]]:
        """Kinds by document, made anew when the catalogue serves other ones."""
        if self._seen is not self._kinds.kinds:
            self._seen = self._kinds.kinds
            self._by_document = self._sorted()
            self._stamps = {name: self._stamp(kinds) for name, kinds in self._by_document.items()}
        return self._by_document

    def _sorted(self) -> dict[str, list[Kind]]:
        versions: dict[str, list[Kind]] = {}
        for kind in self._kinds.kinds:
            prefix = "apis" if kind.group else "api"
            versions.setdefault(f"{prefix}/{kind.api_version}", []).append(kind)
        return versions

    def _stamp(self, kinds: list[Kind]) -> str:
        """Changes with anything the document of `kinds` is made of."""
        schemas = [kind.custom.schema for kind in kinds if kind.custom]
        parts = (self._program, repr(kinds).encode(), orjson.dumps(schemas))
        return hashlib.sha256(b"".join(parts)).hexdigest().upper()

    def answer(self, request: web.Request, parts: list[str]) -> web.Response:
        """``v2``, ``v3`` (the index) or ``v3/api/v1`` and so on."""
        if request.method != "GET":
            raise method_not_allowed()
        if parts == ["v2"]:
            return _version2(request)
        if parts == ["v3"]:
            return web.Response(body=orjson.dumps(self._index()), content_type=JSON)
        name = "/".join(parts[1:])
        kinds = self._versions().get(name)
        if parts[0] == "v3" and kinds:
            return self._document(request, name, kinds)
        raise PageNotFound

    def _index(self) -> Object:
        return {
            "paths": {
                name: {"serverRelativeURL": f"/openapi/v3/{name}?hash={self._stamps[name]}"}
                for name in self._versions()
            }
        }

    def _document(self, request: web.Request, name: str, kinds: list[Kind]) -> web.Response:
        stamp = self._stamps[name]
        if self._compressed.get(name, ("",))[0] != stamp:
            raw = orjson.dumps(self.build(name, kinds))
            self._compressed[name] = stamp, gzip.compress(raw, compresslevel=5, mtime=0)
        body, headers = self._compressed[name][1], {"Content-Type": JSON, "Vary": "Accept-Encoding"}
        if "hash" in request.query:
            headers["Cache-Control"] = "public, immutable"
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=body, headers=headers | {"Content-Encoding": "gzip"})
        return web.Response(body=gzip.decompress(body), headers=headers)

    def build(self, name: str, kinds: list[Kind]) -> Object:
        """The document of one group-version, e.g. ``apis/apps/v1``."""
        paths: Object = {}
        for kind in kinds:
            paths |= _paths(f"/{name}", kind)
        components = {"schemas": self._schemas.components(kinds)}
        return {"openapi": "3.0.0", "info": INFO, "paths": paths, "components": components}


def _version2(request: web.Request) -> web.Response:
    """An empty document; clients that ask for protobuf get an empty message of theirs."""
    if "proto-openapi" in request.headers.get("Accept", ""):
        return web.Response(body=b"", headers={"Content-Type": GNOSTIC_TYPE})
    return web.Response(body=orjson.dumps(SWAGGER), content_type=JSON)


def _paths(root: str, kind: Kind) -> Object:
    scope = f"{root}/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"{root}/{kind.plural}"
    paths = {scope: _item(kind, "collection"), f"{scope}/{{name}}": _item(kind, "object")}
    if kind.namespaced and "list" in kind.verbs:
        paths[f"{root}/{kind.plural}"] = {"get": _operation(kind, "list", "get")}
    return {path: item for path, item in paths.items() if item}


def _item(kind: Kind, where: str) -> Object:
    return {
        method: _operation(kind, action, method)
        for method, action in OPERATIONS[where].items()
        if VERB_OF_ACTION.get(action, action) in kind.verbs
    }


def _operation(kind: Kind, action: str, method: str) -> Object:
    operation: Object = {
        "operationId": f"{action}-{kind.plural}",
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": {"group": kind.group, "version": kind.version, "kind": kind.kind},
        "responses": {"200": {"description": "OK"}},
    }
    if method in WRITES:
        names = ("dryRun", "fieldManager", "fieldValidation")
        text = {"type": "string", "uniqueItems": True}
        operation["parameters"] = [{"name": name, "in": "query", "schema": text} for name in names]
    if method == "patch":
        operation["requestBody"] = {"content": {media: {} for media in (APPLY_TYPE, *patch_types(kind))}}
    return operation
