"""Container logs: one line of output is one line of file, with its time and stream, as container runtimes keep them.

``2026-11-21T04:42:52.748062000Z stdout F text`` — F for a full line, P for a piece of one longer than 16 KiB. Files
rotate at 10 MiB and the five newest are kept, as by a kubelet (``containerLogMaxSize``, ``containerLogMaxFiles``).
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import ExitStack, aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from raglab.pocket.streams import LogOptions

_log = logging.getLogger(__name__)

ROTATE = 10 * 1024 * 1024
KEEP = 5


class LogFile:
    """The log of one run of a container; `path`, `path.1` (older) … on disk."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self.path = path
        self.closed = self._failing = False
        self._clock = clock
        self._changed = asyncio.Event()
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._size = os.fstat(self._file).st_size

    def write(self, stream: str, lines: list[tuple[bytes, bool]]) -> None:
        """Append lines (text without line end, whether it is complete) with the present time."""
        now = self._clock()
        stamp = datetime.fromtimestamp(int(now), UTC).strftime("%Y-%m-%dT%H:%M:%S")
        head = f"{stamp}.{int(now % 1 * 1e9):09d}Z {stream} ".encode()
        data = b"".join(head + (b"F " if full else b"P ") + text + b"\n" for text, full in lines)
        try:
            self._size += os.write(self._file, data)
            self._failing = False
        except OSError as error:  # the disk is full: the program goes on, its output is lost
            self._complain("written", error)
        if self._size > ROTATE:
            self._rotate()
        self._wake()

    def close(self) -> None:
        """Nothing more will come."""
        if not self.closed:
            self.closed = True
            os.close(self._file)
            self._wake()

    @property
    def news(self) -> asyncio.Event:
        """Set at the next write or the end. Take it before reading, so that nothing is missed in between."""
        return self._changed

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _rotate(self) -> None:
        """Begin a new file; where the disk does not take one, the old one goes on."""
        self._size = 0
        try:
            for number in range(KEEP - 2, -1, -1):
                older = self.path if number == 0 else Path(f"{self.path}.{number}")
                if older.exists():
                    older.replace(f"{self.path}.{number + 1}")
            fresh = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        except OSError as error:
            self._complain("rotated", error)
            return
        os.close(self._file)  # not before: somebody else's file may get the number of a closed one
        self._file = fresh

    def _complain(self, what: str, error: OSError) -> None:
        """Once, until something was written again."""
        if not self._failing:
            _log.warning("log %s not %s: %s", self.path, what, error)
        self._failing = True


async def read(path: Path, options: LogOptions, now: float, live: LogFile | None) -> AsyncIterator[bytes]:
    """The log at `path` as ``kubectl logs`` wants it; with `options.follow` until `live` is closed."""
    left = options.limit_bytes
    since = _since(options, now)
    async for record in _records(path, options, live):
        if since and record[:30].decode(errors="replace") < since:
            continue
        text = _text(record, options.timestamps)
        if left is not None:
            text, left = text[:left], left - len(text[:left])
        yield text
        if left == 0:
            return


async def _records(path: Path, options: LogOptions, live: LogFile | None) -> AsyncIterator[bytes]:
    """Whole lines of the log file as it is now, old ones first; when it is followed, then new ones as they come."""
    files = [Path(f"{path}.{number}") for number in range(KEEP - 1, 0, -1)] + [path]
    with ExitStack() as stack:  # names move while a program writes, files that are open stay
        present = [stack.enter_context(file.open("rb")) for file in files if file.exists()]
        ends = [os.fstat(file.fileno()).st_size for file in present]
        skip = _lines_before_tail(present, ends, options.tail_lines)
        for file, end in zip(present, ends, strict=True):
            while file.tell() < end and (line := file.readline()):
                if skip > 0:
                    skip -= 1
                else:
                    yield line
                await _breathe(file.tell())
        if options.follow and live is not None:
            stack.pop_all()
            for file in present[:-1]:
                file.close()
            async with aclosing(_news(present[-1], files, live)) as news:
                async for line in news:
                    yield line


async def _news(current: BinaryIO, files: list[Path], live: LogFile) -> AsyncGenerator[bytes, None]:
    """What is added behind the place where `current` stands, through rotations, until the log is closed."""
    try:
        while True:
            news = live.news if not live.closed else None
            for line in _complete(current):
                yield line
                await _breathe(current.tell())
            if (newer := _next_file(current, files)) is not None:
                current.close()
                current = newer.open("rb")
            elif news is None:
                return
            else:
                await news.wait()
    finally:
        current.close()


def _complete(file: BinaryIO) -> Iterator[bytes]:
    """Lines up to the end of what is written now."""
    while line := file.readline():
        yield line


async def _breathe(position: int) -> None:
    """Let others run now and then while a long log is read."""
    if position % 64 == 0:
        await asyncio.sleep(0)


def _next_file(current: BinaryIO, files: list[Path]) -> Path | None:
    """The file that follows `current` after a rotation; `files` are the log's names, oldest first."""
    inode = os.fstat(current.fileno()).st_ino
    present = [file for file in files if file.exists()]
    for file, newer in itertools.pairwise(present):
        if file.stat().st_ino == inode:
            return newer
    return None if present and present[-1].stat().st_ino == inode else present[0]


def _lines_before_tail(files: Sequence[BinaryIO], ends: Sequence[int], tail: int | None) -> int:
    """How many lines to leave out so that `tail` remain, without holding the log in memory."""
    if tail is None:
        return 0
    return max(0, sum(map(_count_lines, files, ends)) - tail)


def _count_lines(file: BinaryIO, end: int) -> int:
    """Lines up to `end`; the file stands at its beginning again."""
    count = 0
    while block := file.read(min(1 << 20, end - file.tell())):
        count += block.count(b"\n")
    file.seek(0)
    return count


def _since(options: LogOptions, now: float) -> str:
    """The earliest time to show, in the form of the log file, or "" for all."""
    if options.since_seconds is not None:
        moment = datetime.fromtimestamp(now - options.since_seconds, UTC)
    elif options.since_time is not None:
        moment = options.since_time.astimezone(UTC)
    else:
        return ""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%f000Z")


def _text(record: bytes, timestamps: bool) -> bytes:
    """A record as shown: without its own head, and joined to the next one if it is only a piece of a line."""
    stamp, _, rest = record.partition(b" ")
    _, kind, text = rest.split(b" ", 2)
    if kind == b"P":
        text = text[:-1]
    return stamp + b" " + text if timestamps else text
