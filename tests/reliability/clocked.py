"""A cluster whose clock can be set: ``python clocked.py CONFIG OFFSET_FILE``, seconds in the file, 0 without one."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from pathlib import Path

from raglab.pocket import cluster
from raglab.pocket.clock import SystemClock
from raglab.pocket.config import Settings


class Jumping(SystemClock):
    """The machine's time and what the file says."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def time(self) -> float:
        return time.time() + float(self._file.read_text() or 0)


if __name__ == "__main__":
    logging.basicConfig(level="INFO", format="%(asctime)s %(name)s %(levelname)s %(message)s")
    asyncio.run(cluster.run(Settings.load(Path(sys.argv[1])), Jumping(Path(sys.argv[2]))))
