"""Decode the protobuf bodies that kubectl and helm send; answers are always JSON, which every client accepts.

``kubectl create …``, ``kubectl auth …`` and helm's release Secrets arrive as ``application/vnd.kubernetes.protobuf``
and have no JSON fallback. A body is the four bytes ``k8s\\0`` and an envelope (``runtime.Unknown``) that names the
kind and carries the object. The field numbers are facts of the wire, kept in ``protobuf.json.gz``: one line
``number name type flag`` per field.

Go writes every field that is not a pointer, so a zero on the wire may mean "not set". The flags say what the
object's JSON form would show: ``ptr`` fields appear whenever they are sent, ``always`` fields appear even when
zero, all others only when not zero; ``inline`` messages are Go's embedded structs, whose fields belong to their
parent; a message with a ``list`` field stands for a plain list.
"""

from __future__ import annotations

import base64
import gzip
import json
import struct
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import orjson

from raglab.pocket.clock import timestamp
from raglab.pocket.errors import StatusError, bad_request

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\0"
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5


class Field(NamedTuple):
    """One field of a message: its JSON name, its type without suffix, how it repeats, and a flag (see above)."""

    name: str
    type: str
    repeat: str
    flag: str


@cache
def _table() -> dict[str, Any]:
    raw: dict[str, Any] = json.loads(
        gzip.decompress(files(__package__).joinpath("protobuf.json.gz").read_bytes())
    )
    return raw


@cache
def _fields(message: str) -> dict[int, Field]:
    return dict(_parse(line) for line in _table()["messages"][message])


def _parse(line: str) -> tuple[int, Field]:
    number, name, kind, *flag = line.split()
    repeat = kind[-2:] if kind.endswith(("[]", "{}")) else ""
    return int(number), Field(name, kind.removesuffix(repeat), repeat, flag[0] if flag else "")


def decode(body: bytes) -> dict[str, Any]:
    """The object in its JSON form. 400 if the bytes are broken, 415 if the kind is not one the cluster reads."""
    if not body.startswith(MAGIC):
        raise bad_request(
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
        )
    try:
        envelope = dict(_pairs(body[len(MAGIC) :]))
        type_meta = {number: value.decode() for number, value in _pairs(envelope.get(1, b""))}
        api_version, kind = type_meta.get(1, ""), type_meta.get(2, "")
        message = _message_of(api_version, kind)
        return {"apiVersion": api_version, "kind": kind} | _decode(message, envelope.get(2, b""))
    except (IndexError, ValueError, AttributeError, TypeError, struct.error) as error:
        raise bad_request(f"the protobuf body cannot be read: {error}") from error


def _message_of(api_version: str, kind: str) -> str:
    if kind == "DeleteOptions":  # clients send it under the version of whatever they delete
        return "meta.v1.DeleteOptions"
    message: str | None = _table()["kinds"].get(f"{api_version}/{kind}")
    if message is None:
        what = f"{api_version} {kind}".strip() or "unnamed object"
        raise StatusError(
            415, "UnsupportedMediaType", f"the pocket cluster reads no protobuf for {what}; send JSON"
        )
    return message


def _decode(message: str, data: bytes) -> dict[str, Any]:
    """The fields of one message as a JSON object."""
    fields, result = _fields(message), dict[str, Any]()
    for number, raw in _pairs(data):
        field = fields.get(number)
        if field is None:
            continue  # a newer client's field, which this version of the API does not have
        if field.repeat == "{}":
            entry = dict(_pairs(raw))
            key = entry.get(1, b"").decode()
            result.setdefault(field.name, {})[key] = _value(field.type, entry.get(2, b""))
        elif field.repeat == "[]":
            result.setdefault(field.name, []).extend(_elements(field.type, raw))
        elif field.flag == "inline":
            result |= _decode(field.type, raw)
        else:
            value = _value(field.type, raw)
            if field.flag or value not in ("", 0, {}, None):
                result[field.name] = value
    return {name: value for name, value in result.items() if value is not None}


def _elements(kind: str, raw: Any) -> list[Any]:
    """Elements of a repeated field: one per occurrence, or numbers packed into one run of bytes."""
    if kind in ("int", "bool") and isinstance(raw, bytes):
        return [_value(kind, number) for number in _varints(raw)]
    return [_value(kind, raw)]


def _value(kind: str, raw: Any) -> Any:
    special = _SPECIAL.get(kind)
    if special is not None:
        return special(raw)
    value = _decode(kind, raw)
    listed = next((field for field in _fields(kind).values() if field.flag == "list"), None)
    return value.get(listed.name, []) if listed else value


def _integer(raw: int) -> int:
    return raw - (1 << 64) if raw >= 1 << 63 else raw


def _quantity(raw: bytes) -> str:
    text: bytes = dict(_pairs(raw)).get(1, b"0")
    return text.decode()


def _int_or_string(raw: bytes) -> int | str:
    parts = dict(_pairs(raw))
    if parts.get(1, 0) == 1:
        text: bytes = parts.get(3, b"")
        return text.decode()
    return _integer(parts.get(2, 0))


def _time(raw: bytes) -> str | None:
    parts = dict(_pairs(raw))
    return timestamp(_integer(parts[1])) if 1 in parts else None


def _micro_time(raw: bytes) -> str | None:
    parts = dict(_pairs(raw))
    if 1 not in parts:
        return None
    moment = datetime.fromtimestamp(_integer(parts[1]), UTC).replace(microsecond=parts.get(2, 0) // 1000)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _raw_json(raw: bytes) -> Any:
    return orjson.loads(dict(_pairs(raw)).get(1) or b"null")


_SPECIAL: dict[str, Callable[[Any], Any]] = {
    "string": bytes.decode,
    "bool": bool,
    "int": _integer,
    "double": lambda raw: struct.unpack("<d", raw)[0],
    "bytes": lambda raw: base64.b64encode(raw).decode(),
    "api.resource.Quantity": _quantity,
    "util.intstr.IntOrString": _int_or_string,
    "meta.v1.Time": _time,
    "meta.v1.MicroTime": _micro_time,
    "runtime.RawExtension": _raw_json,
    "meta.v1.FieldsV1": _raw_json,
}
"""Types with a JSON form of their own."""


def _pairs(data: bytes) -> Iterator[tuple[int, Any]]:
    """(field number, raw value) in the order sent; the value is an integer or bytes by wire type."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            value: Any
            value, position = _varint(data, position)
        else:
            length, position = _length(data, position, wire)
            if position + length > len(data):
                raise ValueError("it ends in the middle of a field")
            value, position = data[position : position + length], position + length
        yield number, value


def _length(data: bytes, position: int, wire: int) -> tuple[int, int]:
    if wire == BYTES:
        return _varint(data, position)
    if wire in (FIXED64, FIXED32):
        return (8 if wire == FIXED64 else 4), position
    raise ValueError(f"wire type {wire} is not used by Kubernetes")


def _varint(data: bytes, position: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[position]
        position += 1
        result |= (byte & 0x7F) << shift
        if byte < 0x80:
            return result & (1 << 64) - 1, position
        shift += 7
        if shift > 63:
            raise ValueError("a number is longer than 64 bits")


def _varints(data: bytes) -> Iterator[int]:
    position = 0
    while position < len(data):
        number, position = _varint(data, position)
        yield number
