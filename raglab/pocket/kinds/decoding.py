"""Objects as Go would decode them: typed, cleaned, and refused in the same words.

A kind's schema is a tree of these types. Decoding walks object and tree together once, returns a cleaned copy (no
nulls, no empty optional maps and lists, canonical quantities) and collects unknown fields. A value of the wrong type
ends the walk with a `Mismatch`, which carries both texts a real server uses: one for bodies, one for patches.
"""

from __future__ import annotations

import base64
import binascii
import copy
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from raglab.pocket.kinds import quantity

_INT_RANGES = {"int32": 2**31, "int64": 2**63}
_REFLECT_KINDS: dict[type, str] = {
    bool: "bool",
    int: "int64",
    float: "float64",
    str: "string",
    list: "slice",
    dict: "map",
}
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class Mismatch(Exception):
    """A value of the wrong type. `str()` is the text for a body, `conversion` the one for a strategic merge patch."""

    def __init__(self, text: str, conversion: str = "") -> None:
        super().__init__(text)
        self.conversion = conversion or text


@dataclass
class Walk:
    """Where a decode stands: the (struct, field) pairs and list indexes from the root, and what was unknown."""

    trail: list[tuple[str, str] | int] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def path(self) -> str:
        """``spec.template.spec.containers[0]``."""
        text = "".join(f"[{step}]" if isinstance(step, int) else f".{step[1]}" for step in self.trail)
        return text.removeprefix(".")

    def mismatch(self, value: Any, wanted: str, kind: str = "") -> Mismatch:
        """The error for `value` where Go type `wanted` (of reflect kind `kind`) is declared."""
        steps = [step for step in self.trail if not isinstance(step, int)]
        place = f"struct field {steps[-1][0]}.{'.'.join(name for _, name in steps)}" if steps else "value"
        found = _json_type(value, wanted)
        text = f"json: cannot unmarshal {found} into Go {place} of type {wanted}"
        return Mismatch(text, _conversion(value, wanted, kind))


def _json_type(value: Any, wanted: str = "") -> str:
    """JSON's name for the type of `value`, as Go's decoder words it."""
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return f"number {value}" if wanted.startswith(("int", "float")) else "number"
    return "string" if isinstance(value, str) else "array" if isinstance(value, list) else "object"


def _conversion(value: Any, wanted: str, kind: str) -> str:
    """Go's converter from untyped maps has its own wording."""
    found = {bool: "bool", int: "int64", float: "float64", str: "string", list: "slice", dict: "map"}[
        type(value)
    ]
    if kind:
        return f"cannot restore {kind} from{':' if kind == 'struct' else ''} {found}"
    numbers = ("int32", "int64", "float64")
    convertible = found in numbers and (wanted == "string" or wanted in numbers)
    return f"cannot convert {found} to {wanted}" if convertible else f"unrecognized type: {wanted}"


class Type(Protocol):
    """Something a value can be decoded as."""

    @property
    def name(self) -> str:
        """Go's name for it, as in messages."""
        ...

    def decode(self, value: Any, walk: Walk) -> Any:
        """A cleaned copy of `value`; raises `Mismatch`."""
        ...


@dataclass(frozen=True)
class Scalar:
    """A plain JSON value of one of the Python types `accepts`."""

    name: str
    accepts: type | tuple[type, ...]

    def decode(self, value: Any, walk: Walk) -> Any:
        if not isinstance(value, self.accepts) or ((value is True or value is False) and self.name != "bool"):
            raise walk.mismatch(value, self.name)
        return value


@dataclass(frozen=True)
class Integer:
    """``int32`` or ``int64``."""

    name: str

    def decode(self, value: Any, walk: Walk) -> int:
        limit = _INT_RANGES[self.name]
        if type(value) is not int or not -limit <= value < limit:
            raise walk.mismatch(value, self.name)
        return value


@dataclass(frozen=True)
class Custom:
    """A Go type with its own JSON form: `convert` returns the value to store or raises `ValueError` with Go's text."""

    name: str
    convert: Callable[[Any], Any]

    def decode(self, value: Any, walk: Walk) -> Any:
        try:
            return self.convert(value)
        except ValueError as error:
            raise Mismatch(str(error)) from None


@dataclass(frozen=True)
class Raw:
    """Anything at all, kept as it is."""

    name: str = "interface {}"

    def decode(self, value: Any, walk: Walk) -> Any:
        return copy.deepcopy(value)


@dataclass(frozen=True)
class ListOf:
    """A slice."""

    item: Type

    @property
    def name(self) -> str:
        return f"[]{self.item.name}"

    def decode(self, value: Any, walk: Walk) -> list[Any]:
        if not isinstance(value, list):
            raise walk.mismatch(value, self.name, "slice")
        result, trail = [], walk.trail
        for index, element in enumerate(value):
            if element is not None:
                trail.append(index)
                result.append(self.item.decode(element, walk))
                trail.pop()
        return result


@dataclass(frozen=True)
class MapOf:
    """A map with string keys."""

    item: Type

    @property
    def name(self) -> str:
        return f"map[string]{self.item.name}"

    def decode(self, value: Any, walk: Walk) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise walk.mismatch(value, self.name, "map")
        return {key: self.item.decode("" if item is None else item, walk) for key, item in value.items()}


@dataclass(frozen=True)
class Part:
    """A schema inside a schema, or a bool: Go decodes it on its own, so what it does not know goes without a word."""

    item: Type

    @property
    def name(self) -> str:
        return self.item.name

    def decode(self, value: Any, walk: Walk) -> Any:
        return value if isinstance(value, bool) else self.item.decode(value, Walk(list(walk.trail)))


@dataclass(frozen=True)
class Field:
    """One field of a struct, with what patches need to know about it."""

    type: Type
    required: bool = False
    strategy: tuple[str, ...] = ()
    """Strategic merge: ``merge``, ``retainKeys``; empty means replace for lists."""
    merge_key: str = ""
    list_type: str = ""
    """``atomic``, ``set`` or ``map``; for maps and structs ``atomic`` or ``granular``."""
    list_keys: tuple[str, ...] = ()

    @property
    def element(self) -> Struct | None:
        """The struct in this field, or in the list or map it holds."""
        inner = self.type.item if isinstance(self.type, (ListOf, MapOf)) else self.type
        return inner if isinstance(inner, Struct) else None


@dataclass(eq=False)
class Struct:
    """A Go struct. `fields` is filled in after construction, for structs may contain themselves."""

    name: str
    fields: Mapping[str, Field] = field(default_factory=dict, repr=False)
    by_value: tuple[str, ...] = ()
    """Fields that are written even when empty."""
    atomic: bool = False
    """Server-side apply: the whole struct has one owner."""

    def decode(self, value: Any, walk: Walk) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise walk.mismatch(value, self.name, "struct")
        result: dict[str, Any] = {}
        trail, owner = walk.trail, self.name.rpartition(".")[2]
        for name, item in value.items():
            known = self.fields.get(name)
            trail.append((owner, name))
            if known is None:
                walk.unknown.append(f'unknown field "{walk.path()}"')
            elif item is not None:
                clean = known.type.decode(item, walk)
                if clean or known.required or not isinstance(known.type, (ListOf, MapOf)):
                    result[name] = clean
            trail.pop()
        for name in self.by_value:
            if name not in result:
                result[name] = self.fields[name].type.decode({}, walk)
        return result


def _quantity(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise ValueError(quantity.REFUSAL)
    return quantity.canonical(value)


def _int_or_string(value: Any) -> Any:
    if isinstance(value, str) or (type(value) is int and -(2**31) <= value < 2**31):
        return value
    raise ValueError(f"json: cannot unmarshal {_json_type(value, 'int32')} into Go value of type int32")


def _bytes(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError(f"json: cannot unmarshal {_json_type(value)} into Go value of type []uint8")
    compact = value.replace("\n", "").replace("\r", "")
    try:
        return base64.b64encode(base64.b64decode(compact, validate=True)).decode()
    except binascii.Error:
        raise ValueError(f"illegal base64 data at input byte {_bad_byte(value)}") from None


def _bad_byte(text: str) -> int:
    """Where Go's decoder would stop."""
    bad = re.search(r"[^A-Za-z0-9+/\r\n]", text)
    return bad.start() if bad else len(text) - len(text) % 4


def _time(value: Any) -> Any:
    if not isinstance(value, str):
        raise ValueError(f"json: cannot unmarshal {_json_type(value)} into Go value of type string")
    if not value:
        return None
    try:
        if _TIME.fullmatch(value):
            moment = datetime.fromisoformat(value)
            return value if value.endswith("Z") else _in_utc(moment)  # the Python client sends +00:00
    except ValueError:
        pass
    layout = "2006-01-02T15:04:05Z07:00"
    raise ValueError(f'parsing time "{value}" as "{layout}": cannot parse "{value}" as "2006"')


def _in_utc(moment: datetime) -> str:
    fraction = ".%f" if moment.microsecond else ""
    return moment.astimezone(UTC).strftime(f"%Y-%m-%dT%H:%M:%S{fraction}Z")


BASIC: dict[str, Type] = {
    "string": Scalar("string", str),
    "bool": Scalar("bool", bool),
    "float64": Scalar("float64", (int, float)),
    "int32": Integer("int32"),
    "int64": Integer("int64"),
    "bytes": Custom("[]uint8", _bytes),
    "time": Custom("v1.Time", _time),
    "quantity": Custom("resource.Quantity", _quantity),
    "int-or-string": Custom("intstr.IntOrString", _int_or_string),
    "any": Raw(),
}
"""The leaves of every schema, by the name the compiled schema uses."""
