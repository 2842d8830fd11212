"""Reading the data files: a base object with some paths changed."""

import copy
from pathlib import Path
from typing import Any

import yaml

DATA = Path(__file__).parent / "data"


def load(name: str) -> Any:
    return yaml.load((DATA / name).read_text(), Loader=yaml.CSafeLoader)


def changed(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy with values put at paths such as ``spec.containers.0.image``; None removes."""
    result = copy.deepcopy(base)
    for path, value in changes.items():
        *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        place: Any = result
        for step in steps:
            place = place[step]
        if value is None:
            del place[last]
        elif isinstance(place, list) and last == len(place):
            place.append(value)
        else:
            place[last] = value
    return result
