"""Container logs: format, tail, since, limits, rotation, following, and writers that flood."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path

from raglab.pocket.node import logs, output
from raglab.pocket.streams import LogOptions


class Time:
    now = 1_700_000_000.5

    def __call__(self) -> float:
        return self.now


async def text(
    path: Path, live: logs.LogFile | None = None, now: float = 1_700_000_100.0, **options: object
) -> str:
    parts = [data async for data in logs.read(path, LogOptions("c", **options), now, live)]
    return b"".join(parts).decode()


def write(log: logs.LogFile, *lines: str) -> None:
    log.write("stdout", [(line.encode(), True) for line in lines])


async def test_lines_carry_time_and_stream_on_disk_and_not_on_screen(tmp_path: Path):
    log = logs.LogFile(tmp_path / "0.log", Time())
    write(log, "hello", "")
    assert log.path.read_text() == (
        "2023-11-14T22:13:20.500000000Z stdout F hello\n2023-11-14T22:13:20.500000000Z stdout F \n"
    )
    assert await text(log.path) == "hello\n\n"
    assert await text(log.path, timestamps=True, tail_lines=2) == (
        "2023-11-14T22:13:20.500000000Z hello\n2023-11-14T22:13:20.500000000Z \n"
    )


async def test_tail_since_and_limit(tmp_path: Path):
    clock = Time()
    log = logs.LogFile(tmp_path / "0.log", clock)
    write(log, "one", "two")
    clock.now += 60
    write(log, "three")
    assert await text(log.path, tail_lines=2) == "two\nthree\n"
    assert await text(log.path, tail_lines=0) == ""
    assert await text(log.path, since_seconds=10, now=clock.now + 5) == "three\n"
    assert await text(log.path, since_time=datetime.fromtimestamp(clock.now - 1, UTC)) == "three\n"
    assert await text(log.path, limit_bytes=6) == "one\ntw"


async def test_rotation_keeps_the_newest_files(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(logs, "ROTATE", 500)
    log = logs.LogFile(tmp_path / "0.log", Time())
    for number in range(60):
        write(log, f"line {number}")
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["0.log", *(f"0.log.{number}" for number in range(1, 5))]
    shown = (await text(log.path)).splitlines()
    assert shown[-1] == "line 59"
    assert shown == [f"line {number}" for number in range(60 - len(shown), 60)]


async def test_following_sees_new_lines_through_a_rotation_and_ends_with_the_log(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(logs, "ROTATE", 300)
    log = logs.LogFile(tmp_path / "0.log", Time())
    write(log, "line 0")
    follower = asyncio.create_task(text(log.path, log, follow=True))
    for number in range(1, 20):
        write(log, f"line {number}")
        await asyncio.sleep(0)
    log.close()
    shown = (await asyncio.wait_for(follower, 5)).splitlines()
    assert shown == [f"line {number}" for number in range(20)]


async def test_a_program_writes_through_a_pipe(tmp_path: Path):
    log = logs.LogFile(tmp_path / "0.log", Time())
    captured = await output.capture(log, "stderr")
    os.write(captured.writer, b"half")
    os.write(captured.writer, b" a line\nno end")
    await captured.finish(5)
    log.close()
    assert [line.split(" ", 1)[1] for line in log.path.read_text().splitlines()] == [
        "stderr F half a line",
        "stderr P no end",
    ]


async def test_a_line_without_end_is_cut_in_pieces_and_shown_whole(tmp_path: Path):
    log = logs.LogFile(tmp_path / "0.log", Time())
    captured = await output.capture(log, "stdout")
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(None, os.write, captured.writer, b"x" * 40_000 + b"\n")
    await captured.finish(5)
    assert len(log.path.read_text().splitlines()) == 3
    assert await text(log.path) == "x" * 40_000 + "\n"


async def test_a_writer_that_floods_is_slowed_down(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(output, "RATE", 64 * 1024)
    log = logs.LogFile(tmp_path / "0.log", Time())
    captured = await output.capture(log, "stdout")
    loop = asyncio.get_running_loop()
    began = loop.time()
    flood = await asyncio.create_subprocess_exec("yes", stdout=captured.writer)
    captured.close_writer()
    await asyncio.sleep(0.5)
    written = sum(path.stat().st_size for path in tmp_path.iterdir())
    seconds = loop.time() - began
    flood.kill()
    await flood.wait()
    await captured.finish(5)
    # a second's worth at once, what the pipe still held, and what was due in the time since
    allowed = (2 + seconds) * 64 * 1024
    assert 0 < written < allowed / len("y\n") * len("2023-11-14T22:13:20.500000000Z stdout F y\n")


async def test_a_tail_is_of_the_log_as_it_was_when_it_was_asked_for(tmp_path: Path, monkeypatch):
    """However much a program writes, and however often its log is rotated, while it is sent."""
    monkeypatch.setattr(logs, "ROTATE", 500)
    log = logs.LogFile(tmp_path / "0.log", Time())
    for number in range(20):
        write(log, f"line {number}")
    options = LogOptions("c", tail_lines=3)
    shown = []
    async for piece in logs.read(log.path, options, 0, log):
        shown.append(piece)
        for number in range(20):
            write(log, f"later {number}")
    assert b"".join(shown).decode().splitlines() == ["line 17", "line 18", "line 19"]


async def test_a_log_that_cannot_be_rotated_goes_on_in_its_file(tmp_path: Path, monkeypatch, caplog):
    """Its descriptor stays open: a closed one's number may be given to any other file of the process."""
    monkeypatch.setattr(logs, "ROTATE", 500)
    log = logs.LogFile(tmp_path / "logs" / "0.log", Time())
    held = log._file
    (tmp_path / "logs").rename(tmp_path / "elsewhere")  # as if the disk took no new file
    for number in range(60):
        write(log, f"line {number}")
    log.close()
    assert caplog.text.count("not rotated") >= 1
    lines = (tmp_path / "elsewhere" / "0.log").read_text().splitlines()
    assert len(lines) == 60 and held == log._file
