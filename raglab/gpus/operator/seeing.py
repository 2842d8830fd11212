"""What a part that follows changes brings back from a look."""

from __future__ import annotations

from typing import NamedTuple


class Seen(NamedTuple):
    """The version of the list that the part follows, and whether it waits for nothing else."""

    version: str
    settled: bool = True
