"""A container's own streams, with programs that are not in containers."""

from __future__ import annotations

import asyncio
import subprocess

import pytest

from raglab.pocket.node import console, terminal
from raglab.pocket.node.console import Console
from raglab.pocket.node.logs import LogFile


class Box:
    """Starts programs as they are."""

    async def start(self, command: list[str], *, stdin: int, stdout: int, stderr: int, tty: bool):
        argv = terminal.taking(command) if tty else command
        return await asyncio.create_subprocess_exec(*argv, stdin=stdin, stdout=stdout, stderr=stderr)


class Program:
    """A shell script at a console, which begins when it is told to `go`."""

    @classmethod
    async def start(cls, folder, script: str, **spec: bool) -> Program:
        self = cls()
        self.log, self._gate = LogFile(folder / "0.log", lambda: 0.0), folder / "go"
        self.console = await Console.open(self.log, spec)
        waiting = f"until [ -e {self._gate} ]; do sleep 0.02; done; {script}"
        self.process = await self.console.start(Box(), ["sh", "-c", waiting])
        return self

    def go(self) -> None:
        self._gate.touch()

    async def end(self) -> str:
        """Wait for its end; what the log has."""
        await asyncio.wait_for(self.process.wait(), 20)
        await self.console.finish(5)
        self.log.close()
        return "".join(line.split(" ", 3)[3] for line in self.log.path.read_text().splitlines(keepends=True))


async def heard(client) -> str:
    return b"".join([data async for _, data in client.output()]).decode()


async def test_without_stdin_there_is_nothing_to_read(tmp_path):
    program = await Program.start(tmp_path, "cat; echo done")
    client = program.console.attach(stdin=True)
    program.go()
    await client.write(b"lost")
    assert await program.end() == "done\n"
    assert await heard(client) == "done\n"


async def test_input_that_is_there_once_ends_with_its_client(tmp_path):
    program = await Program.start(tmp_path, "cat; cat; echo end", stdin=True, stdinOnce=True)
    listener, client = program.console.attach(stdin=False), program.console.attach(stdin=True)
    program.go()
    await listener.close()
    await client.write(b"typed\n")
    await client.close()
    assert await program.end() == "typed\nend\n"


async def test_a_terminal_joins_both_outputs_and_has_a_size(tmp_path):
    program = await Program.start(tmp_path, "read x; stty size; echo errors >&2", stdin=True, tty=True)
    client = program.console.attach(stdin=True)
    program.go()
    client.resize(100, 30)
    await client.write(b"\n")
    await program.end()
    assert await heard(client) == "\r\n30 100\r\nerrors\r\n"


async def test_whoever_comes_too_late_hears_the_end(tmp_path):
    program = await Program.start(tmp_path, "echo gone")
    program.go()
    await program.end()
    assert await heard(program.console.attach(stdin=True)) == ""


async def test_a_client_that_does_not_listen_stops_the_program_and_not_the_log(tmp_path, monkeypatch):
    monkeypatch.setattr(console, "BACKLOG", 100_000)
    program = await Program.start(tmp_path, "head -c 1000000 /dev/zero | tr '\\0' x; echo")
    slow = program.console.attach(stdin=False)
    program.go()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(program.process.wait(), 0.5)
    written = program.log.path.stat().st_size
    assert written < 500_000
    hearing = asyncio.create_task(heard(slow))
    assert len(await program.end()) > 1_000_000
    assert len(await hearing) == 1_000_001


async def test_a_client_that_goes_frees_the_program(tmp_path, monkeypatch):
    monkeypatch.setattr(console, "BACKLOG", 100_000)
    program = await Program.start(tmp_path, "head -c 1000000 /dev/zero | tr '\\0' x")
    slow = program.console.attach(stdin=False)
    program.go()
    await anext(slow.output())
    await slow.close()
    assert await asyncio.wait_for(program.process.wait(), 20) == 0
    await program.console.finish(5)


def test_devnull_is_no_descriptor():
    assert subprocess.DEVNULL < 0, "Console closes what is not below zero"
