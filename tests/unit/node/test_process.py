"""Programs as processes: exit codes, stopping, groups, joining, and the guardian that ends what is left."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from raglab.pocket.node import execs, guardian
from raglab.pocket.node.isolation import PACKAGE, SYSTEM_PATH
from raglab.pocket.node.process import Process
from raglab.pocket.node.usage import Processes
from tests.unit.node.test_isolation import KINDS, make


async def start(kind: str, folder: Path, *command: str, mark: str = "test", **more: int) -> Process:
    chosen, view = make(kind, folder)
    launch = chosen.launch(view, command, {"PATH": SYSTEM_PATH})
    return await Process.start(launch, mark, sandboxed=kind != "plain", report=lambda line: None, **more)


async def until(condition, seconds: float = 10.0):
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the condition is about other processes
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("command", "code"), [("exit 3", 3), ("true", 0), ("kill -KILL $$", 137)])
async def test_exit_codes(tmp_path: Path, kind: str, command: str, code: int):
    assert await (await start(kind, tmp_path, "sh", "-c", command)).wait() == code


@pytest.mark.parametrize("kind", KINDS)
async def test_a_program_is_asked_before_it_is_forced(tmp_path: Path, kind: str):
    process = await start(
        kind, tmp_path, "sh", "-c", "trap 'exit 7' TERM; touch ready; while :; do sleep 0.1; done"
    )
    await until((tmp_path / "root/ready").exists)
    assert await process.stop(10) == 7


@pytest.mark.parametrize("kind", KINDS)
async def test_a_program_that_ignores_term_is_killed_when_its_grace_is_over(tmp_path: Path, kind: str):
    process = await start(
        kind, tmp_path, "sh", "-c", "trap '' TERM; touch ready; while :; do sleep 0.1; done"
    )
    await until((tmp_path / "root/ready").exists)
    assert await process.stop(0.3) == 137


@pytest.mark.parametrize("kind", KINDS)
async def test_nothing_outlives_the_first_program(tmp_path: Path, kind: str):
    mark = f"m{os.getpid()}.{time.monotonic_ns()}"
    process = await start(kind, tmp_path, "sh", "-c", "setsid sleep 300 & touch ready; sleep 300", mark=mark)
    await until((tmp_path / "root/ready").exists)
    await until(lambda: len(guardian.marked(mark)) >= 3)
    process.kill()
    assert await process.wait() == 137
    await until(lambda: not guardian.marked(mark))


@pytest.mark.parametrize("kind", KINDS)
async def test_memory_of_the_whole_family_is_counted(tmp_path: Path, kind: str):
    hold = "import os, time; x = bytearray(60_000_000); open('ready', 'w'); time.sleep(300)"
    process = await start(kind, tmp_path, "sh", "-c", f'{sys.executable} -c "{hold}" & wait')
    try:
        await until((tmp_path / "root/ready").exists)
        assert 60_000_000 < Processes().use(process.pid).memory < 160_000_000
    finally:
        process.kill()
        await process.wait()


@pytest.mark.skipif("bubblewrap" not in KINDS, reason="bwrap cannot make a sandbox on this machine")
async def test_a_joining_program_sees_the_containers_processes(tmp_path: Path):
    chosen, view = make("bubblewrap", tmp_path)

    async def launch(command: list, beside: int = 0, **channels: int) -> Process:
        env = {"PATH": SYSTEM_PATH}
        return await Process.start(
            chosen.launch(view, command, env, beside),
            "test",
            sandboxed=True,
            report=lambda line: None,
            **channels,
        )

    host = await launch(["sh", "-c", "touch /ready; exec sleep 300"])
    await until((tmp_path / "root/ready").exists)

    async def join(command: list, **channels: int) -> Process:
        return await launch(command, host.first_inside, **channels)

    code, output = await execs.run(join, ["sh", "-c", "cat /proc/2/cmdline; kill 2; sleep 300"], 10)
    assert output == "sleep\x00300\x00"
    assert code == 137, "a program that joined ends with the container"
    assert await host.wait() == 143


def test_the_guardian_ends_everything_when_its_cluster_dies():
    mark = f"g{os.getpid()}.{time.monotonic_ns()}"
    stubborn = "trap '' TERM; setsid sleep 300 & while :; do sleep 0.1; done"
    env = {"PATH": SYSTEM_PATH, guardian.MARK: f"{mark}.pod"}
    pods = [subprocess.Popen(["sh", "-c", stubborn], env=env, start_new_session=True) for _ in range(3)]
    keeper = subprocess.Popen(
        [sys.executable, "-I", "-S", guardian.__file__, mark],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    assert keeper.stdin is not None and keeper.stdout is not None
    assert keeper.stdout.readline() == b"ready\n"
    for pod in pods:
        keeper.stdin.write(f"+{pod.pid}\n".encode())
    keeper.stdin.flush()
    deadline = time.monotonic() + 10
    while len(guardian.marked(mark)) < 6 and time.monotonic() < deadline:
        time.sleep(0.02)
    keeper.send_signal(signal.SIGTERM)  # what a terminal or a supervisor sends to everybody
    keeper.send_signal(signal.SIGINT)
    assert keeper.poll() is None
    began = time.monotonic()
    keeper.stdin.close()
    assert [pod.wait(10) for pod in pods] == [-signal.SIGKILL] * 3
    keeper.wait(10)
    assert guardian.marked(mark) == []
    assert time.monotonic() - began < guardian.GRACE + 5


def test_the_guardian_imports_nothing_of_the_lab():
    imports = [
        line
        for line in Path(guardian.__file__).read_text().splitlines()
        if line.startswith(("from", "import"))
    ]
    assert not any(PACKAGE.name in line for line in imports)
