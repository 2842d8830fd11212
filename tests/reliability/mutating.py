"""Objects that are almost right: valid ones with something changed, removed, added or overgrown.

What is added comes from the schemas, so every field of every kind has its turn; half of it has the right type and an
odd value, the rest is of any type.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from typing import Any

from raglab.pocket.kinds.decoding import ListOf, MapOf, Part, Struct

Path = tuple[str | int, ...]
TEXTS = (
    "", "e", "a/b", "../../etc/passwd", "/", ".", "..", "0", "-1", "50%", "-5%", "100000000000%", "1Gi", "1e99",
    "é", "🙂", "a\x00b", "a\nb", "A" * 300, "a,b=c", "{.spec", "[", "*", "True", "None", "RollingUpdate", "NodePort",
    "ExternalName", "None", "127.96.0.1", "999.1.1.1", "2026-11-24T00:00:00Z", "9999-12-31T23:59:59Z", "0000-00-00T",
    "* * * * *", "metadata.annotations['x", "$(A)", "%s", "e.e.svc", "kubernetes.io/e", "system:masters",
)  # fmt: skip
NUMBERS = (
    0,
    1,
    -1,
    2,
    80,
    443,
    30123,
    65535,
    65536,
    2**31 - 1,
    2**31,
    -(2**31),
    2**63 - 1,
    -(2**63),
    2**64 - 1,
)
ODD: tuple[Any, ...] = (
    None,
    True,
    False,
    1.5,
    -0.0,
    1e300,
    [],
    {},
    [[]],
    [None],
    [{}],
    {"": ""},
    {"a": None},
)
JUNK = (*ODD, *TEXTS, *NUMBERS)
DIRECTIVES: tuple[tuple[str, Any], ...] = (
    ("$patch", "delete"), ("$patch", "replace"), ("$patch", "merge"), ("$patch", "sideways"), ("$patch", {}),
    ("$retainKeys", ["name"]), ("$retainKeys", None), ("$retainKeys", "name"),
    ("$setElementOrder/containers", [{"name": "c"}]), ("$setElementOrder/containers", 5),
    ("$setElementOrder/ports", [{}]),
    ("$deleteFromPrimitiveList/finalizers", ["x"]), ("$deleteFromPrimitiveList/finalizers", 5), ("$nonsense", [{}]),
    ("$deleteFromPrimitiveList/containers", None),
)  # fmt: skip
COUNTS = ("replicas", "minReplicas", "maxReplicas", "parallelism", "completions", "size")
DEEP = 120
"""Levels of an overgrown value: more than any kind has, fewer than the JSON reader refuses."""


def mutated(dice: random.Random, obj: Any, struct: Struct | None) -> Any:
    """A copy of `obj`, which is a `struct` if that is known, after one to four changes."""
    result = copy.deepcopy(obj)
    for _ in range(dice.choice((1, 1, 2, 4))):
        path = dice.choice(list(_paths(result)))
        if not path:
            _add(dice, result, struct)
            continue
        place = _at(result, path[:-1])
        way = dice.random()
        if way < 0.2:
            del place[path[-1]]
        elif way < 0.55:
            place[path[-1]] = copy.deepcopy(dice.choice(JUNK))
        elif way < 0.9 and isinstance(place[path[-1]], dict):
            _add(dice, place[path[-1]], _struct_at(struct, path))
        elif isinstance(place[path[-1]], list):
            place[path[-1]] = place[path[-1]][:10] * dice.choice((2, 2, 30))
        else:
            place[path[-1]] = _overgrown(dice, place[path[-1]])
    return result


def directed(dice: random.Random, patch: Any) -> Any:
    """A strategic merge patch with a directive somewhere in it."""
    result = copy.deepcopy(patch)
    maps = [value for path in _paths(result) if isinstance(value := _at(result, path), dict)]
    if maps:
        key, value = dice.choice(DIRECTIVES)
        dice.choice(maps)[key] = value
    return result


def operations(dice: random.Random, obj: Any) -> Any:
    """A JSON patch of `obj`: some operations fit, some do not, some are none."""
    if dice.random() < 0.1:
        return copy.deepcopy(dice.choice(JUNK))
    if dice.random() < 0.02:
        return [{"op": "copy", "from": "", "path": f"/x{n}"} for n in range(60)]
    return [_operation(dice, list(_paths(obj))) for _ in range(dice.choice((1, 1, 2, 3)))]


def _operation(dice: random.Random, paths: list[Path]) -> Any:
    def pointer() -> Any:
        steps = [str(step).replace("~", "~0").replace("/", "~1") for step in dice.choice(paths)]
        return dice.choice(
            ("/" + "/".join(steps), "/" + "/".join([*steps, "-"]), dice.choice(TEXTS), "/~2", 5, None)
        )

    made = {
        "op": dice.choice(("add", "remove", "replace", "move", "copy", "test", "test", "nonsense", None)),
        "path": pointer(),
        "from": pointer(),
        "value": copy.deepcopy(dice.choice(JUNK)),
    }
    if dice.random() < 0.2:
        del made[dice.choice(list(made))]
    return made if dice.random() < 0.95 else dice.choice(JUNK)


def tamed(value: Any, most: int = 2) -> Any:
    """The same with no more than `most` replicas of anything."""
    if isinstance(value, list):
        return [tamed(item) for item in value]
    if not isinstance(value, dict):
        return value
    plenty = "replicas" in str(value.get("path"))  # an operation of a JSON patch
    return {
        key: most if (plenty or key in COUNTS) and _above(part, most) else tamed(part)
        for key, part in value.items()
    }


def _above(value: Any, most: int) -> bool:
    return isinstance(value, (int, float)) and value > most


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    yield path
    if isinstance(value, dict):
        for key, part in value.items():
            yield from _paths(part, (*path, key))
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _paths(part, (*path, index))


def _at(value: Any, path: Path) -> Any:
    for step in path:
        value = value[step]
    return value


def _struct_at(struct: Struct | None, path: Path) -> Struct | None:
    for step in path:
        if isinstance(step, str) and struct is not None:
            field = struct.fields.get(step)
            struct = field.element if field else None
    return struct


def _add(dice: random.Random, place: Any, struct: Struct | None) -> None:
    """A field more, one that the struct knows if there is a choice."""
    if not isinstance(place, dict):
        return
    if struct is None or not struct.fields or dice.random() < 0.1:
        place[dice.choice(TEXTS)] = copy.deepcopy(dice.choice(JUNK))
        return
    name = dice.choice(list(struct.fields))
    place[name] = _value(dice, struct.fields[name].type, 4)


def _value(dice: random.Random, kind: Any, depth: int) -> Any:
    """Something of this type, as a rule."""
    if dice.random() < 0.05 or depth == 0:
        return copy.deepcopy(dice.choice(JUNK))
    match kind:
        case ListOf():
            return [_value(dice, kind.item, depth - 1) for _ in range(dice.choice((0, 1, 1, 2)))]
        case MapOf():
            return {
                dice.choice(TEXTS): _value(dice, kind.item, depth - 1) for _ in range(dice.choice((0, 1, 2)))
            }
        case Part():
            return _value(dice, kind.item, depth)
        case Struct():
            names = [
                name
                for name, field in kind.fields.items()
                if field.required or dice.random() < 3 / len(kind.fields)
            ]
            return {name: _value(dice, kind.fields[name].type, depth - 1) for name in names}
    return _leaf(dice, kind.name)


def _leaf(dice: random.Random, name: str) -> Any:
    if name == "bool":
        return dice.random() < 0.5
    if name.startswith("int") and "str" not in name:
        return dice.choice(NUMBERS)
    return {
        "float64": dice.choice((0, 1.5, -1e300)),
        "[]uint8": dice.choice(("", "AAE=", "AA", "not base64")),
        "v1.Time": dice.choice(
            ("2026-11-24T00:00:00Z", "9999-12-31T23:59:59+14:00", "0001-01-01T00:00:00Z", "")
        ),
        "resource.Quantity": dice.choice(("0", "1", "-5", "1Gi", "1e99", "0.0000000001", 3, "1.5Ki")),
        "intstr.IntOrString": dice.choice((0, -1, 80, "50%", "http", "1000%", "")),
    }.get(name, dice.choice(TEXTS))


def _overgrown(dice: random.Random, value: Any) -> Any:
    if isinstance(value, str):
        return value[:50] * dice.choice((2, 300, 20000))
    for level in range(DEEP):
        value = [value] if level % 2 else {"a": value}
    return value
