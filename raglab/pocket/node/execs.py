"""Programs that join a running container: ``kubectl exec``, exec probes and life cycle hooks.

Each starts in a sandbox made from the same `View` as the container's, with the same environment.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator
from typing import Protocol

from raglab.pocket.node import terminal
from raglab.pocket.node.process import Process

PIECE = 32 * 1024
QUEUE = 16
"""Pieces of output that wait for a slow client; then the program waits."""


class Starter(Protocol):
    """Starts a command beside a container's program (see `Container.start`)."""

    async def __call__(
        self, command: list[str], *, stdin: int, stdout: int, stderr: int, tty: bool = False
    ) -> Process: ...


class PipeSession:
    """A program with separate pipes for input, output and errors."""

    def __init__(self, process: Process, stdin: int | None, outputs: dict[int, int]) -> None:
        self._process, self._stdin = process, stdin
        self._queue: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue(QUEUE)
        self._readers = [asyncio.create_task(self._read(number, fd)) for number, fd in outputs.items()]
        self._end = asyncio.create_task(self._finish())

    @classmethod
    async def start(cls, start: Starter, command: list[str], *, stdin: bool) -> PipeSession:
        """Start `command`; without `stdin` its input is empty."""
        pipes = [os.pipe(), os.pipe()]
        entry = os.pipe() if stdin else None
        ours = [pair[0] for pair in pipes] + ([entry[1]] if entry else [])
        theirs = [pair[1] for pair in pipes] + ([entry[0]] if entry else [])
        try:
            process = await start(
                command,
                stdin=entry[0] if entry else subprocess.DEVNULL,
                stdout=pipes[0][1],
                stderr=pipes[1][1],
            )
        except BaseException:
            _close(ours)
            raise
        finally:
            _close(theirs)
        return cls(process, entry[1] if entry else None, {1: pipes[0][0], 2: pipes[1][0]})

    async def write(self, data: bytes) -> None:
        if self._stdin is not None and data:
            try:
                await _write_all(self._stdin, data)
            except BrokenPipeError:
                await self.close_stdin()  # the program does not read on: as a shell's pipe would end

    async def close_stdin(self) -> None:
        if self._stdin is not None:
            os.close(self._stdin)
            self._stdin = None

    def resize(self, width: int, height: int) -> None:
        """Pipes have no size."""

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        while (piece := await self._queue.get()) is not None:
            yield piece

    async def wait(self) -> int:
        return await self._process.wait()

    async def close(self) -> None:
        self._process.kill()
        for task in [*self._readers, self._end]:
            task.cancel()
        await asyncio.gather(*self._readers, self._end, return_exceptions=True)
        await self.close_stdin()
        await self._process.wait()

    async def _read(self, number: int, descriptor: int) -> None:
        reader = asyncio.StreamReader(limit=PIECE)
        loop = asyncio.get_running_loop()
        pipe = os.fdopen(descriptor, "rb", 0)
        transport, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
        try:
            while data := await reader.read(PIECE):
                await self._queue.put((number, data))
        finally:
            transport.close()

    async def _finish(self) -> None:
        await asyncio.gather(*self._readers, return_exceptions=True)
        await self._queue.put(None)


class TerminalSession:
    """A program on a pseudo terminal: one stream of output, a size, Ctrl-C."""

    def __init__(self, process: Process, master: int) -> None:
        self._process, self._master = process, master

    @classmethod
    async def start(cls, start: Starter, command: list[str]) -> TerminalSession:
        """Start `command` with a terminal of its own."""
        master, slave = os.openpty()
        try:
            process = await start(command, stdin=slave, stdout=slave, stderr=slave, tty=True)
        except BaseException:
            os.close(master)
            raise
        finally:
            os.close(slave)
        os.set_blocking(master, False)
        return cls(process, master)

    async def write(self, data: bytes) -> None:
        await _write_all(self._master, data)

    async def close_stdin(self) -> None:
        await _write_all(self._master, terminal.END_OF_INPUT)

    def resize(self, width: int, height: int) -> None:
        terminal.resize(self._master, width, height)

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        while True:
            await _ready(self._master, write=False)
            try:
                data = os.read(self._master, PIECE)
            except BlockingIOError:
                continue
            except OSError:
                return  # the last program on the terminal has gone
            if not data:
                return
            yield 1, data

    async def wait(self) -> int:
        return await self._process.wait()

    async def close(self) -> None:
        self._process.kill()
        await self._process.wait()
        if self._master >= 0:
            os.close(self._master)
            self._master = -1


async def run(start: Starter, command: list[str], timeout: float) -> tuple[int, str]:
    """Run a command to its end; (exit code, output and errors as text). `TimeoutError` after `timeout` seconds."""
    session = await PipeSession.start(start, command, stdin=False)
    pieces: list[bytes] = []
    try:
        async with asyncio.timeout(timeout):
            async for _, data in session.output():
                pieces.append(data)
            code = await session.wait()
    finally:
        await session.close()
    return code, b"".join(pieces).decode(errors="replace")


async def _write_all(descriptor: int, data: bytes) -> None:
    os.set_blocking(descriptor, False)
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            await _ready(descriptor, write=True)


async def _ready(descriptor: int, *, write: bool) -> None:
    """Wait until a descriptor can be read or written."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    add, remove = (loop.add_writer, loop.remove_writer) if write else (loop.add_reader, loop.remove_reader)
    add(descriptor, _resolve, ready)
    try:
        await ready
    finally:
        remove(descriptor)


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _close(descriptors: list[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)
