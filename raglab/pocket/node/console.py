"""The standard streams of a container's own program, and the clients that are attached to them.

Source: Kubernetes API reference, Container v1 core, `stdin`, `stdinOnce` and `tty`. Output goes to the log and to every
client. With `stdin` the program has an input that stays open, whoever comes and goes; with `stdinOnce` it ends with
the first client that had it. With `tty` all three streams are one terminal.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator
from typing import Any

from raglab.pocket.node import output, terminal
from raglab.pocket.node.box import Box
from raglab.pocket.node.logs import LogFile
from raglab.pocket.node.output import Output
from raglab.pocket.node.process import Process

BACKLOG = 256 * 1024
"""Bytes that wait for an attached client; then the program waits."""
CHANNELS = {"stdout": 1, "stderr": 2}


class Console:
    """The streams of one run. Make it with `open`, `start` a program at it, and `finish` once that has ended."""

    def __init__(self, once: bool) -> None:
        self._once, self._over = once, False
        self._clients: set[Attachment] = set()
        self._outputs: list[Output] = []
        self._theirs: int = subprocess.DEVNULL
        self._input: asyncio.StreamWriter | None = None
        self._terminal: int | None = None

    @classmethod
    async def open(cls, log: LogFile, spec: dict[str, Any]) -> Console:
        """The streams that a container with this `spec` wants."""
        console, wanted = cls(bool(spec.get("stdinOnce"))), bool(spec.get("stdin"))
        if spec.get("tty"):
            master, slave = os.openpty()
            console._terminal, console._theirs = os.dup(master), os.dup(slave)
            console._outputs = [await output.capture(log, "stdout", console._clients, (master, slave))]
            ours = os.dup(master) if wanted else None
        else:
            console._outputs = [await output.capture(log, name, console._clients) for name in CHANNELS]
            console._theirs, ours = os.pipe() if wanted else (subprocess.DEVNULL, None)
        if ours is not None:
            console._input = await _writer(ours)
        return console

    async def start(self, box: Box, command: list[str]) -> Process:
        """Start a container's program here; afterwards only it holds its ends."""
        out, errors = self._outputs[0].writer, self._outputs[-1].writer
        tty = self._terminal is not None
        try:
            return await box.start(command, stdin=self._theirs, stdout=out, stderr=errors, tty=tty)
        finally:
            self._close_theirs()

    def _close_theirs(self) -> None:
        for pipe in self._outputs:
            pipe.close_writer()
        if self._theirs >= 0:
            os.close(self._theirs)
        self._theirs = subprocess.DEVNULL

    async def finish(self, timeout: float) -> None:
        """Take what is left of the output (see `Output.finish`) and let every client go."""
        self._close_theirs()
        await asyncio.gather(*(pipe.finish(timeout) for pipe in self._outputs))
        self._over = True
        for client in self._clients:
            client.end()
        self._end_input()
        if self._terminal is not None:
            os.close(self._terminal)
            self._terminal = None

    def attach(self, *, stdin: bool) -> Attachment:
        """A client that hears all output from now on, and with `stdin` says what the program reads."""
        client = Attachment(self, stdin=stdin)
        if self._over:
            client.end()
        self._clients.add(client)
        return client

    def detach(self, client: Attachment) -> None:
        """A client has gone."""
        self._clients.discard(client)
        self.resume()

    def resume(self) -> None:
        """A client has caught up."""
        for pipe in self._outputs:
            pipe.resume()

    async def write(self, data: bytes) -> None:
        """For the program to read; waits while it does not, and throws away what it will never read."""
        if self._input is not None and not self._input.is_closing():
            with contextlib.suppress(ConnectionError):
                self._input.write(data)
                await self._input.drain()

    async def input_over(self) -> None:
        """A client that had the input has no more: that is the end of an input that is there but once."""
        if self._once:
            if self._terminal is not None:
                await self.write(terminal.END_OF_INPUT)
            self._end_input()

    def _end_input(self) -> None:
        if self._input is not None:
            self._input.close()
            self._input = None

    def resize(self, width: int, height: int) -> None:
        """New size of the terminal, in characters."""
        if self._terminal is not None:
            terminal.resize(self._terminal, width, height)


class Attachment:
    """One attached client: an `ExecSession` whose end does not end the program."""

    def __init__(self, console: Console, *, stdin: bool) -> None:
        self._console, self._stdin = console, stdin
        self._pieces: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue()
        self._waiting = 0

    @property
    def full(self) -> bool:
        return self._waiting > BACKLOG

    def hear(self, stream: str, data: bytes) -> None:
        self._waiting += len(data)
        self._pieces.put_nowait((CHANNELS[stream], data))

    def end(self) -> None:
        """The program has ended."""
        self._pieces.put_nowait(None)

    async def write(self, data: bytes) -> None:
        if self._stdin:
            await self._console.write(data)

    async def close_stdin(self) -> None:
        if self._stdin:
            self._stdin = False
            await self._console.input_over()

    def resize(self, width: int, height: int) -> None:
        self._console.resize(width, height)

    async def output(self) -> AsyncIterator[tuple[int, bytes]]:
        while (piece := await self._pieces.get()) is not None:
            was_full = self.full
            self._waiting -= len(piece[1])
            if was_full and not self.full:
                self._console.resume()
            yield piece

    async def wait(self) -> int:
        """Attaching has succeeded, however the program has ended."""
        return 0

    async def close(self) -> None:
        self._console.detach(self)
        await self.close_stdin()


async def _writer(descriptor: int) -> asyncio.StreamWriter:
    """A stream into a pipe or a terminal."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.connect_write_pipe(
        asyncio.streams.FlowControlMixin, os.fdopen(descriptor, "wb", 0)
    )
    return asyncio.StreamWriter(transport, protocol, None, loop)
