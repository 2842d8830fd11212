"""Building blocks of printer columns: a column has a name, and a function from an object to its cell."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.duration import since
from raglab.pocket.kinds.paths import get

Cell = Callable[[Object, float], Any]
NONE, UNSET, UNKNOWN = "<none>", "<unset>", "<unknown>"
_MOST_LISTED = 3


@dataclass(frozen=True)
class Column:
    """One printer column. Priority 1 shows only with ``-o wide``."""

    name: str
    cell: Cell
    type: str = "string"
    priority: int = 0
    format: str = ""
    description: str = ""

    def definition(self) -> Object:
        """The entry in a Table's ``columnDefinitions``."""
        shown = {"name": self.name, "type": self.type, "format": self.format}
        return shown | {"description": self.description, "priority": self.priority}


def field(path: str, default: Any = "") -> Cell:
    """The value at `path`, or `default` where it is missing or empty text."""

    def cell(obj: Object, now: float) -> Any:
        value = get(obj, path)
        return default if value is None or value == "" else value

    return cell


def count(*paths: str) -> Cell:
    """How many items the lists or maps at `paths` hold together."""
    return lambda obj, now: sum(len(get(obj, path) or ()) for path in paths)


def age(obj: Object, now: float) -> str:
    """Time since creation."""
    return since(get(obj, "metadata.creationTimestamp"), now)


def wide(name: str, cell: Cell) -> Column:
    """A column for ``-o wide``."""
    return Column(name, cell, priority=1)


NAME = Column("Name", field("metadata.name"), format="name")
AGE = Column("Age", age)
CREATED = Column("Created At", field("metadata.creationTimestamp", None), type="date")


def labels(values: Object | None) -> str:
    """``a=1,b=2``"""
    return ",".join(f"{key}={value}" for key, value in sorted((values or {}).items())) or NONE


def label_selector(selector: Object | None) -> str:
    """A ``LabelSelector`` in the syntax of ``kubectl get -l``."""
    selector = selector or {}
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for rule in selector.get("matchExpressions") or ():
        key, values = rule["key"], ",".join(sorted(rule.get("values") or ()))
        texts = {"Exists": key, "DoesNotExist": f"!{key}", "In": f"{key} in ({values})"}
        parts.append(texts.get(rule["operator"], f"{key} notin ({values})"))
    return ",".join(parts) or NONE


def selector(path: str) -> Cell:
    """The label selector at `path`."""
    return lambda obj, now: label_selector(get(obj, path))


def map_of_labels(path: str) -> Cell:
    """The plain map of labels at `path`."""
    return lambda obj, now: labels(get(obj, path))


def containers(path: str) -> list[Column]:
    """Names and images of the containers of the pod template at `path`."""

    def joined(name: str) -> Cell:
        return lambda obj, now: ",".join(item.get(name, "") for item in get(obj, f"{path}.containers") or ())

    return [wide("Containers", joined("name")), wide("Images", joined("image"))]


def first_few(items: Iterable[str], empty: str) -> str:
    """The first three items, and how many more there are."""
    listed = list(items)
    more = len(listed) - _MOST_LISTED
    return (",".join(listed[:_MOST_LISTED]) + (f" + {more} more..." if more > 0 else "")) or empty


def has_condition(obj: Object, name: str) -> bool:
    """Whether the status condition `name` is True."""
    conditions = get(obj, "status.conditions") or ()
    return any(item.get("type") == name and item.get("status") == "True" for item in conditions)


def or_terminating(path: str) -> Cell:
    """The phase at `path`, or ``Terminating`` once deletion was asked for."""
    phase = field(path)
    return lambda obj, now: "Terminating" if "deletionTimestamp" in obj["metadata"] else phase(obj, now)
