"""From a URL and a method to a `Target`: which resource, which object, which verb.

Paths are ``/api/v1/…`` for the core group and ``/apis/GROUP/VERSION/…`` for all others, followed by
``[namespaces/NAMESPACE/]PLURAL[/NAME[/SUBRESOURCE]]``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from raglab.pocket.errors import StatusError
from raglab.pocket.kinds.catalogue import Catalogue, Kind

OF_NAMESPACE = ("status", "finalize")
"""Third segments after ``namespaces/NAME`` that belong to the Namespace object and are no resource in it."""
ON_COLLECTION = {"GET": "list", "POST": "create", "DELETE": "deletecollection"}
ON_OBJECT = {"GET": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
CONNECT = ("exec", "attach", "portforward")
"""Subresources that are connections: any method opens them."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a request is about. `verb` is Kubernetes' own word, as in RBAC rules."""

    verb: str
    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""


class PageNotFound(Exception):
    """No such path: answered as plain text, for there is no API group that could answer with a Status."""


def no_such_resource() -> StatusError:
    """404 inside a group that exists."""
    return StatusError(404, "NotFound", "the server could not find the requested resource")


def method_not_allowed() -> StatusError:
    """405 for a resource that exists."""
    message = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", message)


def segments(path: str) -> list[str]:
    """Path segments, decoded one by one; a trailing slash means nothing (some clients send it)."""
    return [unquote(part) for part in path.strip("/").split("/")]


def parse(method: str, parts: list[str], query: Mapping[str, str], kinds: Catalogue) -> Target:
    """The target of a request below ``/api/v1`` or ``/apis/G/V``. Raises 404 and 405."""
    group, version, rest = _split(parts)
    if not any((kind.group, kind.version) == (group, version) for kind in kinds.kinds):
        raise PageNotFound
    namespace, plural, name, subresource = resource_of(rest)
    kind = kinds.resource(group, version, plural)
    if kind is None or (namespace and not kind.namespaced):
        raise no_such_resource()
    if name and kind.namespaced and not namespace:
        raise no_such_resource()
    if subresource and subresource not in kind.subresources:
        raise no_such_resource()
    verb = verb_of(method, name, subresource, query)
    if not verb or (not subresource and verb not in kind.verbs):
        raise method_not_allowed()
    if verb == "create" and kind.namespaced and not namespace:
        raise method_not_allowed()
    return Target(verb, kind, namespace, name, subresource)


def _split(parts: list[str]) -> tuple[str, str, list[str]]:
    if parts[0] == "api" and len(parts) > 2:
        return "", parts[1], parts[2:]
    if parts[0] == "apis" and len(parts) > 3:
        return parts[1], parts[2], parts[3:]
    raise PageNotFound


def resource_of(rest: list[str]) -> tuple[str, str, str, str]:
    """(namespace, plural, name, subresource) of ``namespaces/x/pods/y/log`` and its shorter forms."""
    namespace = ""
    if rest[0] == "namespaces" and len(rest) > 2 and not (len(rest) == 3 and rest[2] in OF_NAMESPACE):
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource, *more = [*rest, "", ""][: max(3, len(rest))]
    if more and subresource != "proxy":
        raise no_such_resource()
    return namespace, plural, name, subresource


def verb_of(method: str, name: str, subresource: str, query: Mapping[str, str]) -> str:
    """Kubernetes' word for what a request does; empty for a method that means nothing there."""
    if subresource:
        return _subresource_verb(method, subresource)
    if name:
        return ON_OBJECT.get(method, "")
    if method == "GET" and query.get("watch", "") in ("true", "1"):
        return "watch"
    return ON_COLLECTION.get(method, "")


def _subresource_verb(method: str, subresource: str) -> str:
    if subresource in CONNECT:
        return "create" if method in ("GET", "POST") else ""
    if method == "POST":
        return "create"
    if method == "HEAD" and subresource == "proxy":
        return "get"
    return ON_OBJECT.get(method, "")
