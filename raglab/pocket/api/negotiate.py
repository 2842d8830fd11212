"""What the client sends and what it wants back.

Bodies come as JSON, YAML or protobuf and leave here as plain objects. Answers are JSON; ``Accept`` decides between
the object itself, a `Table` (what ``kubectl get`` prints) and bare metadata.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import orjson
import yaml
from aiohttp import web

from raglab.pocket.api import protobuf
from raglab.pocket.api.malformed import explain
from raglab.pocket.errors import StatusError, bad_request
from raglab.pocket.kinds.catalogue import Kind

JSON, YAML = "application/json", "application/yaml"
PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
)
APPLY_TYPE = "application/apply-patch+yaml"
PATIENCE = 60.0
"""Seconds that a body may take to arrive, as on a real server."""
AS_JSON = (JSON, "application/*", "*/*")


@dataclass(frozen=True, slots=True)
class View:
    """How to show an object: `shape` is "", ``Table``, or ``PartialObjectMetadata``; `group` and `version` are of
    the shape (``meta.k8s.io/v1``).
    """

    shape: str = ""
    version: str = "v1"
    include: str = "Metadata"
    """What a table row carries beside its cells: None, Metadata or Object."""


def view(request: web.Request) -> View:
    """The first representation in ``Accept`` that the server has; 406 if none."""
    ranges = request.headers.get("Accept", "") or JSON
    include = request.query.get("includeObject", "Metadata")
    for part in ranges.split(","):
        media, parameters = _media_range(part)
        if media not in AS_JSON:
            continue
        shape, version = parameters.get("as", ""), parameters.get("v", "v1")
        if not shape:
            return View()
        if shape == "Table" and version in ("v1", "v1beta1"):
            return View("Table", version, include)
        if shape in ("PartialObjectMetadata", "PartialObjectMetadataList") and version in ("v1", "v1beta1"):
            return View("PartialObjectMetadata", version)
    raise StatusError(406, "NotAcceptable", f"406: Not Acceptable\n\nAvailable representations: {JSON}")


def aggregated_discovery(request: web.Request) -> str:
    """The content type of an aggregated discovery document if the client prefers one, else empty."""
    for part in request.headers.get("Accept", "").split(","):
        media, parameters = _media_range(part)
        if media == JSON and not parameters:
            return ""
        if parameters.get("as") == "APIGroupDiscoveryList" and parameters.get("v") in ("v2", "v2beta1"):
            return f"{JSON};g=apidiscovery.k8s.io;v={parameters['v']};as=APIGroupDiscoveryList"
    return ""


def _media_range(text: str) -> tuple[str, dict[str, str]]:
    media, *rest = [item.strip() for item in text.split(";")]
    pairs = [item.partition("=") for item in rest]
    return media, {key: value for key, _, value in pairs if key not in ("q", "charset")}


def content_type(request: web.Request) -> str:
    """The body's media type without parameters; JSON if the client does not say (the Python client does not)."""
    return request.headers.get("Content-Type", JSON).partition(";")[0].strip().lower() or JSON


async def body_of(request: web.Request) -> bytes:
    """All bytes of the body. Raises 413, and 504 when they come too slowly."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await request.read()
    except TimeoutError:
        text = "Timeout: request did not complete within the allotted timeout"
        raise StatusError(504, "Timeout", text) from None


async def read_object(request: web.Request, expected: str) -> dict[str, Any]:
    """The object in the body. `expected` is the kind for the error text. Raises 400, 413 and 415."""
    body = await body_of(request)
    return decode(body, content_type(request), expected)


def decode(body: bytes, media: str, expected: str) -> dict[str, Any]:
    """An object from bytes of that media type."""
    if media == JSON:
        obj = _json(body, expected)
    elif media == YAML:
        obj = _yaml(body, expected)
    elif media == protobuf.CONTENT_TYPE:
        obj = protobuf.decode(body)
    else:
        raise _unknown_format(JSON, YAML, protobuf.CONTENT_TYPE)
    if not isinstance(obj, dict):
        raise _unreadable(expected, "json: cannot unmarshal a value that is not an object", body)
    return obj


def _unknown_format(*accepted: str) -> StatusError:
    text = "the body of the request was in an unknown format - accepted media types include: "
    return StatusError(415, "UnsupportedMediaType", text + ", ".join(accepted))


def _json(body: bytes, expected: str) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _unreadable(expected, explain(body), body) from error


def _yaml(body: bytes, expected: str) -> Any:
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(body, Loader=yaml.CSafeLoader)):
            raise bad_request("YAML aliases are refused: they let a small body grow without limit")
        plain = yaml.load(body, Loader=yaml.CSafeLoader)
        return orjson.loads(orjson.dumps(plain, option=orjson.OPT_NON_STR_KEYS))  # dates become text
    except (yaml.YAMLError, orjson.JSONEncodeError) as error:
        raise _unreadable(expected, str(error), body) from error


def _unreadable(expected: str, why: str, body: bytes) -> StatusError:
    summary = body[:30].decode(errors="replace") + (" ..." if len(body) > 30 else "")
    text = f"couldn't get version/kind; json parse error: {why} ({summary})"
    return bad_request(f"the object provided is unrecognized (must be of type {expected}): {text}")


def patch_types(kind: Kind) -> tuple[str, ...]:
    """The types of patch a kind takes: a strategic one needs to know what lists mean, which custom resources do not
    say.
    """
    return PATCH_TYPES[:2] if kind.custom else PATCH_TYPES


async def read_patch(request: web.Request, kind: Kind) -> tuple[Any, str]:
    """The patch in the body and its content type. Raises 400, 413 and 415."""
    media = content_type(request)
    if kind.custom and media not in (*patch_types(kind), APPLY_TYPE):
        raise _unknown_format(*patch_types(kind), APPLY_TYPE)
    if media not in (*PATCH_TYPES, APPLY_TYPE):
        raise StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type")
    body = await body_of(request)
    try:
        patch = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if media != APPLY_TYPE:
            raise bad_request(explain(body)) from error
        patch = _yaml(body, kind.kind)
    if not isinstance(patch, list if media == PATCH_TYPES[0] else dict):
        raise _unreadable(kind.kind, "the patch has the wrong shape", body)
    return patch, media
