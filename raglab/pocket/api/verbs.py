"""The verbs on objects: read the request, ask the registry, show what it says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiohttp import web

from raglab.pocket.api import auth, escalation, negotiate, parameters, rendering
from raglab.pocket.api.context import Call
from raglab.pocket.api.registry import DeleteOptions, Options
from raglab.pocket.api.rendering import Renderer
from raglab.pocket.errors import bad_request, gone
from raglab.pocket.kinds import messages
from raglab.pocket.kinds.catalogue import Kind

Object = dict[str, Any]
SHOWN_WHEN_DELETED = frozenset(
    (
        "persistentvolumeclaims",
        "persistentvolumes",
        "pods",
        "resourcequotas",
        "serviceaccounts",
        "services",
        "storageclasses",
    )
)
"""Resources whose deletion answers with the object; all others answer with a Status."""
OPTION_KINDS = {"create": "CreateOptions", "update": "UpdateOptions", "patch": "PatchOptions"}


def renderer(call: Call) -> Renderer:
    """Shows the objects of this request in the form its client wants."""
    server = call.server
    return Renderer(server.encoder, call.target.kind, negotiate.view(call.request), server.clock.time())


async def get(call: Call) -> web.StreamResponse:
    """One object, or one of its subresources."""
    target = call.target
    show = renderer(call)
    obj = call.server.registry.get(target.kind, target.namespace, target.name, target.subresource)
    return rendering.response(show.one(obj), warnings=_kind_warnings(target.kind))


async def list_objects(call: Call) -> web.StreamResponse:
    """All objects that match, or the next ``limit`` of them."""
    target, query = call.target, parameters.listing(call.request.query, watch=False)
    show = renderer(call)
    page = call.server.registry.list(
        target.kind,
        target.namespace,
        labels=query.labels,
        fields=query.fields,
        limit=query.limit,
        continue_token=query.continue_token,
        resource_version=query.resource_version,
    )
    if query.match == "Exact" and query.resource_version != page.resource_version:
        raise gone("The resourceVersion for the provided list is too old.")
    meta: Object = {"resourceVersion": page.resource_version}
    if page.continue_token:
        meta["continue"] = page.continue_token
        if page.remaining and not (query.labels or query.fields):
            meta["remainingItemCount"] = page.remaining
    return rendering.response(show.many(page.items, meta), warnings=_kind_warnings(target.kind))


def _kind_warnings(kind: Kind) -> list[str]:
    if (kind.group, kind.plural) == ("", "endpoints"):
        return ["v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice"]
    return []


async def create(call: Call) -> web.StreamResponse:
    """Store a new object."""
    target, show = call.target, renderer(call)
    obj = await read(call, target.kind)
    options = write_options(call)
    made = call.server.registry.create(target.kind, target.namespace, obj, options)
    return _written(call, show, made, 201, options)


async def update(call: Call) -> web.StreamResponse:
    """Replace an object."""
    target, show = call.target, renderer(call)
    obj = await read(call, target.kind)
    options = write_options(call)
    made = call.server.registry.update(target.kind, target.namespace, target.name, obj, options)
    return _written(call, show, made, 200, options)


async def patch(call: Call) -> web.StreamResponse:
    """Change part of an object."""
    target, show = call.target, renderer(call)
    change, media = await negotiate.read_patch(call.request, target.kind)
    options = write_options(call)
    if media == negotiate.APPLY_TYPE:
        return _apply(call, show, change, options)
    made = call.server.registry.patch(target.kind, target.namespace, target.name, change, media, options)
    return _written(call, show, made, 200, options)


def _apply(call: Call, show: Renderer, config: Object, options: Options) -> web.Response:
    """Server-side apply. Who may not create may apply to what exists only."""
    target, registry = call.target, call.server.registry
    exists = registry.has(target.kind, target.namespace, target.name)
    if not exists and not target.subresource:
        auth.authorize(call.user, replace(target, verb="create"), call.roles)
    made = registry.apply(target.kind, target.namespace, target.name, config, options)
    return _written(call, show, made, 200 if exists else 201, options)


def _written(call: Call, show: Renderer, obj: Object, status: int, options: Options) -> web.Response:
    return rendering.response(show.one(obj), status, options.warnings)


async def read(call: Call, kind: Kind) -> Object:
    """The object in the body, which must be of `kind`; the Python client leaves its type out."""
    obj = await negotiate.read_object(call.request, kind.kind)
    version, name = obj.get("apiVersion") or kind.api_version, obj.get("kind") or kind.kind
    if call.target.subresource:  # has a type of its own (Scale, Binding, ...), or that of its object
        return obj | {"apiVersion": version, "kind": name}
    if name != kind.kind:
        text = f'{name} in version "{version}" cannot be handled as a {kind.kind}'
        raise bad_request(f"{text}: the request's path is one of {kind.plural}")
    if version != kind.api_version:
        text = f"the API version in the data ({version}) does not match the expected API version"
        raise bad_request(f"{text} ({kind.api_version})")
    return obj | {"apiVersion": version, "kind": name}


async def read_message(call: Call, kind: Kind) -> Object:
    """The body as an object that is not stored, decoded by its schema; an empty body is an empty object."""
    body, media = await negotiate.body_of(call.request), negotiate.content_type(call.request)
    obj = negotiate.decode(body, media, kind.kind) if body.strip() else {}
    return call.server.schemas.normalise(kind, obj)[0]


def write_options(call: Call) -> Options:
    """Query parameters of a write."""
    query, kind = call.request.query, OPTION_KINDS[call.target.verb]
    applies = negotiate.content_type(call.request) == negotiate.APPLY_TYPE
    return Options(
        dry_run=parameters.dry_run(query.getall("dryRun", []), kind),
        field_validation=parameters.field_validation(query, kind),
        field_manager=parameters.field_manager(query, kind, apply=applies) or _manager(call.request),
        force=applies and parameters.boolean(query, "force"),
        subresource=call.target.subresource,
        user=call.user.name,
        guard=escalation.guard(call.user, call.roles, call.server.kinds),
    )


def _manager(request: web.Request) -> str:
    """Who changed a field, when the client does not say: the first word of its User-Agent."""
    name = request.headers.get("User-Agent", "").partition("/")[0]
    printable = "".join(char for char in name if char.isprintable())
    return printable.encode()[: parameters.LONGEST_MANAGER].decode(errors="ignore") or "unknown"


async def delete(call: Call) -> web.StreamResponse:
    """Delete one object, or begin to."""
    target, show = call.target, renderer(call)
    options = await delete_options(call)
    obj, is_gone = call.server.registry.delete(target.kind, target.namespace, target.name, options)
    if is_gone and target.kind.plural not in SHOWN_WHEN_DELETED:
        return rendering.response(_deleted(target.kind, obj))
    return rendering.response(show.one(obj))


def _deleted(kind: Kind, obj: Object) -> Object:
    meta = obj["metadata"]
    details = {"name": meta["name"], "group": kind.group, "kind": kind.plural, "uid": meta.get("uid", "")}
    head = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return head | {"details": {key: value for key, value in details.items() if value}}


async def delete_collection(call: Call) -> web.StreamResponse:
    """Delete every object that matches."""
    target, query = call.target, parameters.listing(call.request.query, watch=False)
    show = renderer(call)
    options = await delete_options(call)
    objects = call.server.registry.delete_collection(
        target.kind, target.namespace, labels=query.labels, fields=query.fields, options=options
    )
    return rendering.response(show.many(objects, {}))


async def delete_options(call: Call) -> DeleteOptions:
    """From the body if there is one, else from the query."""
    body = await read_message(call, messages.DELETE_OPTIONS)
    wanted = parameters.deletion(call.request.query, call.request.query.getall("dryRun", []), body)
    return DeleteOptions(
        dry_run=wanted.dry_run,
        propagation=wanted.propagation,
        grace=wanted.grace,
        uid=wanted.uid,
        resource_version=wanted.resource_version,
    )
