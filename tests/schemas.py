"""The compiled schemas of a run: one folder for all tests and clusters, because compiling costs each a second."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from raglab.pocket.kinds.schema import Schemas
from raglab.targets import Pocket


@cache
def folder() -> Path:
    """The lab's own folder, with everything in it."""
    place = Pocket.schema_cache()
    Schemas.load(place)
    return place
