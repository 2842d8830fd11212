"""Protobuf bodies as kubectl makes them, from the same table of fields that the server decodes with."""

from __future__ import annotations

import base64
import struct
from datetime import datetime
from typing import Any

import orjson

from raglab.pocket.api import protobuf


def encode(obj: dict[str, Any]) -> bytes | None:
    """The whole body; None for a kind that is not in the table, or for an object too odd for the wire."""
    kind = f"{obj.get('apiVersion')}/{obj.get('kind')}"
    message = protobuf._table()["kinds"].get(kind)
    if message is None:
        return None
    type_meta = _bytes(1, str(obj["apiVersion"]).encode()) + _bytes(2, str(obj["kind"]).encode())
    try:
        return protobuf.MAGIC + _bytes(1, type_meta) + _bytes(2, _message(message, obj))
    except (TypeError, ValueError, AttributeError, KeyError, struct.error):
        return None


def _message(name: str, obj: Any) -> bytes:
    parts = b""
    if isinstance(obj, list):  # a message that stands for a plain list
        obj = {field.name: obj for field in protobuf._fields(name).values() if field.flag == "list"}
    for number, field in protobuf._fields(name).items():
        if field.flag == "inline":
            parts += _bytes(number, _message(field.type, obj))
        elif (value := obj.get(field.name)) is not None:
            parts += _field(number, field, value)
    return parts


def _field(number: int, field: protobuf.Field, value: Any) -> bytes:
    if field.repeat == "[]":
        return b"".join(_one(number, field.type, item) for item in value)
    if field.repeat == "{}":
        entries = (_bytes(1, key.encode()) + _one(2, field.type, item) for key, item in value.items())
        return b"".join(_bytes(number, entry) for entry in entries)
    return _one(number, field.type, value)


def _one(number: int, kind: str, value: Any) -> bytes:
    if kind in ("int", "bool"):
        return _varint(number << 3) + _varint(int(value) & (1 << 64) - 1)
    if kind == "double":
        return _varint(number << 3 | 1) + struct.pack("<d", value)
    return _bytes(number, _payload(kind, value))


def _payload(kind: str, value: Any) -> bytes:
    match kind:
        case "string":
            return value.encode()
        case "bytes":
            return base64.b64decode(value)
        case "api.resource.Quantity":
            return _bytes(1, str(value).encode())
        case "util.intstr.IntOrString":
            text = isinstance(value, str)
            return _one(1, "int", int(text)) + (_bytes(3, value.encode()) if text else _one(2, "int", value))
        case "meta.v1.Time" | "meta.v1.MicroTime":
            return _one(1, "int", int(datetime.fromisoformat(value).timestamp()))
        case "runtime.RawExtension" | "meta.v1.FieldsV1":
            return _bytes(1, orjson.dumps(value))
    return _message(kind, value)


def _bytes(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
