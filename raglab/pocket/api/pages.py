"""Documents that are not about objects: health, version, discovery and OpenAPI."""

from __future__ import annotations

import json
import platform

from aiohttp import web

from raglab.pocket.api import discovery, negotiate, openapi, rendering
from raglab.pocket.api.aggregation import Aggregator
from raglab.pocket.api.routing import PageNotFound, method_not_allowed
from raglab.pocket.config import Settings
from raglab.pocket.kinds.catalogue import Catalogue

MAJOR, MINOR, PATCH = 1, 36, 2
"""The Kubernetes version whose behaviour the cluster follows."""
CHECKS = ("ping", "log", "store", "informer-sync", "poststarthook/bootstrap-controller")
GO_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def version() -> dict[str, str]:
    """``/version``: the API's version as clients compare it, and openly which program answers."""
    machine = platform.machine().lower()
    return {
        "major": str(MAJOR),
        "minor": str(MINOR),
        "emulationMajor": str(MAJOR),
        "emulationMinor": str(MINOR),
        "minCompatibilityMajor": str(MAJOR),
        "minCompatibilityMinor": str(MINOR - 1),
        "gitVersion": f"v{MAJOR}.{MINOR}.{PATCH}+raglab.pocket",
        "gitCommit": "",
        "gitTreeState": "not built from the Kubernetes sources",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": f"{platform.system().lower()}/{GO_ARCHITECTURES.get(machine, machine)}",
    }


def _checked(page: str) -> str:
    """A health page with its checks: who can answer has all of them behind him."""
    return "\n".join([*(f"[+]{check} ok" for check in CHECKS), f"{page} check passed", ""])


class Pages:
    """Finds the page for a path."""

    def __init__(
        self, kinds: Catalogue, documents: openapi.Documents, aggregator: Aggregator, settings: Settings
    ) -> None:
        self._kinds, self._documents = kinds, documents
        self._aggregator, self._settings = aggregator, settings

    def open(self, request: web.Request, parts: list[str]) -> web.Response:
        """Pages for everybody."""
        if request.method != "GET":
            raise method_not_allowed()
        if parts == ["version"]:
            return web.Response(text=json.dumps(version(), indent=2), content_type="application/json")
        if len(parts) == 1:
            return web.Response(text=_checked(parts[0]) if "verbose" in request.query else "ok")
        raise PageNotFound

    def find(self, request: web.Request, parts: list[str]) -> web.Response | None:
        """The page at a path, None if the path is one of objects."""
        if parts[0] == "openapi":
            return self._documents.answer(request, parts[1:])
        document = self._discovery(request, parts)
        if document is not None and request.method != "GET":
            raise method_not_allowed()
        return document

    def _discovery(self, request: web.Request, parts: list[str]) -> web.Response | None:
        if len(parts) > 3:
            return None  # an object: the usual case needs no more thought
        kinds, remotes = self._kinds, self._aggregator.remotes()
        if parts in (["api"], ["apis"]):
            return self._roots(request, core=parts == ["api"])
        if parts == [""]:
            return rendering.response(discovery.root_paths(kinds, remotes))
        document = discovery.document(kinds, parts, remotes)
        return None if document is None else rendering.response(document)

    def _roots(self, request: web.Request, *, core: bool) -> web.Response:
        content_type = negotiate.aggregated_discovery(request)
        if content_type:
            version = "v2beta1" if "v=v2beta1" in content_type else "v2"
            remotes = self._aggregator.remotes()
            document = discovery.aggregated(self._kinds, remotes, core=core, version=version)
            answer = rendering.response(document)
            answer.headers["Content-Type"] = content_type
            answer.headers["Vary"] = "Accept"
            return answer
        if core:
            address = request.headers.get("Host", self._settings.api_host)
            return rendering.response(discovery.api_versions(address))
        return rendering.response(discovery.api_group_list(self._kinds, self._aggregator.remotes()))
