"""A program's output on its way into the log, and to whoever is attached to the container.

It is written as it is read. A writer that floods is slowed down through its own pipe, and so is one whose listeners do
not keep up: neither memory nor the cluster's event loop fills up.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Iterator
from typing import Protocol

from raglab.pocket.node.logs import LogFile

LINE = 16 * 1024
RATE = 4 * 1024 * 1024
"""Bytes per second a stream may write in the long run."""


class Listener(Protocol):
    """Is given all output as it comes. While it is `full` nothing is read; then it resumes the pipes it hears."""

    @property
    def full(self) -> bool: ...

    def hear(self, stream: str, data: bytes) -> None:
        """Take output of ``stdout`` or ``stderr``."""
        ...


class LogPipe(asyncio.Protocol):
    """Reads one output stream of a program into a `LogFile`; `done` when the last writer has closed it."""

    def __init__(self, log: LogFile, stream: str, listeners: Collection[Listener]) -> None:
        self._log, self._stream, self._listeners = log, stream, listeners
        self._rest = b""
        self._allowance = float(RATE)
        self._last = 0.0
        self._resting: asyncio.TimerHandle | None = None
        self.ending = False
        self._transport: asyncio.ReadTransport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        pieces = [piece for line in lines for piece in _pieces(line)]
        while len(self._rest) >= LINE:
            pieces.append((self._rest[:LINE], False))
            self._rest = self._rest[LINE:]
        if pieces:
            self._log.write(self._stream, pieces)
        for listener in self._listeners:
            listener.hear(self._stream, data)
        self._slow_down(len(data))

    def connection_lost(self, error: Exception | None) -> None:
        if self._rest:
            self._log.write(
                self._stream, [(self._rest, False)]
            )  # shown as it was written: without a line end
        self.done.set_result(None)

    def _slow_down(self, size: int) -> None:
        """Stop reading for a while once the allowance is used up: the pipe fills and the program waits."""
        loop = asyncio.get_running_loop()
        self._allowance = min(RATE, self._allowance + (loop.time() - self._last) * RATE) - size
        self._last = loop.time()
        if self._transport is None:
            return
        if self._allowance < 0:
            self._transport.pause_reading()
            self._resting = loop.call_later(-self._allowance / RATE, self._rested)
        elif self._too_fast:
            self._transport.pause_reading()

    def _rested(self) -> None:
        self._resting = None
        self.resume()

    @property
    def _too_fast(self) -> bool:
        """Whether somebody who listens does not keep up. What is left at the end is logged in any case."""
        return not self.ending and any(listener.full for listener in self._listeners)

    def resume(self) -> None:
        """Read on, if there is no reason to wait any more."""
        waiting = self._resting is not None or self._too_fast
        if self._transport is not None and not self._transport.is_closing() and not waiting:
            self._transport.resume_reading()


class Output:
    """One output stream of a program on its way into a log; the program gets `writer`."""

    def __init__(self, writer: int, protocol: LogPipe, transport: asyncio.ReadTransport) -> None:
        self.writer, self._protocol, self._transport = writer, protocol, transport
        self.resume = protocol.resume

    def close_writer(self) -> None:
        """Close our copy of the program's end, so that the stream ends with the program."""
        if self.writer >= 0:
            os.close(self.writer)
            self.writer = -1

    async def finish(self, timeout: float) -> None:
        """Take what is left, but do not wait longer than `timeout` seconds for those who still hold the other end."""
        self.close_writer()
        self._protocol.ending = True
        self.resume()
        await asyncio.wait([self._protocol.done], timeout=timeout)
        self._transport.close()
        await self._protocol.done


async def capture(
    log: LogFile, stream: str, listeners: Collection[Listener] = (), ends: tuple[int, int] | None = None
) -> Output:
    """A way for a program's `stream` (stdout or stderr) into `log`: a pipe, or its two `ends` if there is one."""
    reader, writer = ends or os.pipe()
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_read_pipe(
        lambda: LogPipe(log, stream, listeners), os.fdopen(reader, "rb", 0)
    )
    return Output(writer, protocol, transport)


def _pieces(line: bytes) -> Iterator[tuple[bytes, bool]]:
    while len(line) > LINE:
        yield line[:LINE], False
        line = line[LINE:]
    yield line, True
