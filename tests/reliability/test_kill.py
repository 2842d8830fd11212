"""kill -9 of the whole cluster, at any moment, while many clients write through HTTPS.

What was acknowledged is there, nothing is half there, versions only grow, watchers that resume have no gap and no
duplicate, pods run again and nothing of an earlier life is left. Three kills in every run of the tests; the long run,
``raglab test -m long tests/reliability/test_kill.py -s``, has 200 (KILLS, KILL_SEED) and prints what it measured.
"""

from __future__ import annotations

import asyncio
import os
import random
import ssl
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from raglab.pocket.node import guardian
from tests.pocket.conftest import Cluster, eventually, isolated, start
from tests.pocket.test_pods import pod
from tests.reliability.witnesses import MAPS, Watcher, Writer, version_of

pytestmark = pytest.mark.pocket
WRITERS = 4
LIFE = (0.02, 0.6)
"""Seconds from ready to the kill."""
START = (0.2, 1.2)
"""Seconds from the beginning of a start to a kill during it."""
CAUGHT_UP = 10.0
STUBBORN = "example.com/stubborn:1"


class Trial:
    """One cluster that is killed again and again, and everybody who watches it."""

    def __init__(self, cluster: Cluster, seed: int) -> None:
        self.cluster, self.dice = cluster, random.Random(seed)
        self.writers = [Writer(number, random.Random(seed * 100 + number)) for number in range(WRITERS)]
        self.watcher = Watcher()
        self.newest = 0
        self.starts: list[float] = []

    async def run(self, kills: int) -> None:
        """So many lives and deaths; fails at the first broken promise."""
        async with self._session() as session:
            following = asyncio.create_task(self.watcher.follow(session))
            for _ in range(kills):
                work = [asyncio.create_task(writer.work(session)) for writer in self.writers]
                await asyncio.sleep(self.dice.uniform(*LIFE))
                self._kill()
                await asyncio.gather(*work)
                await self._begin_again()
                await self._check(session, following)
            following.cancel()

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[aiohttp.ClientSession]:
        state = self.cluster.state
        connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=str(state / "pki" / "ca.crt")))
        headers = {"Authorization": f"Bearer {(state / 'pki' / 'token').read_text()}"}
        async with aiohttp.ClientSession(
            self.cluster.server, connector=connector, headers=headers
        ) as session:
            yield session

    def _kill(self) -> None:
        self.cluster.process.kill()
        self.cluster.process.wait()

    async def _begin_again(self) -> None:
        """Start, one time in five after a start that was killed half way."""
        if self.dice.random() < 0.2:
            await asyncio.to_thread(self._false_start, self.dice.uniform(*START))
        begun = time.monotonic()
        again = await asyncio.to_thread(start, self.cluster.state, self.cluster.home, **self.cluster.settings)
        self.cluster.process = again.process
        self.starts.append(time.monotonic() - begun)

    def _false_start(self, seconds: float) -> None:
        config = self.cluster.state.parent / f"{self.cluster.state.name}.yaml"
        command = [sys.executable, "-m", "raglab.pocket", "--config", str(config)]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL) as early:
            time.sleep(seconds)
            early.kill()

    async def _check(self, session: aiohttp.ClientSession, following: asyncio.Task[None]) -> None:
        async with session.get(MAPS) as answer:
            listed = await answer.json()
        found = {item["metadata"]["name"]: item for item in listed["items"]}
        for writer in self.writers:
            writer.compare(found)
            self.newest = max(self.newest, writer.newest)
        assert version_of(listed) >= self.newest, "the store went back in time"
        self.newest = version_of(listed)
        versions = {name: version_of(item) for name, item in found.items()}
        deadline = time.monotonic() + CAUGHT_UP
        while self.watcher.state != versions:
            assert not following.done() and time.monotonic() < deadline, (following, self.watcher, versions)
            await asyncio.sleep(0.01)

    def report(self) -> str:
        acknowledged = sum(writer.acknowledged for writer in self.writers)
        watcher = self.watcher
        return (
            f"{len(self.starts)} kills, {acknowledged} acknowledged writes; ready again after "
            f"{statistics.median(self.starts):.2f} s (median), {max(self.starts):.2f} s (longest); "
            f"watcher: {watcher.events} events, {watcher.resumed} watches, {watcher.listed} lists"
        )


def _pods_run_again(cluster: Cluster) -> None:
    """Those that always run do, the others stay as they ended, and no process is from an earlier life."""
    cluster.kubectl("wait", "--for=condition=Ready", "pod/always", "--timeout=60s")
    always, never = cluster.json("get", "pod", "always"), cluster.json("get", "pod", "never")
    state = always["status"]["containerStatuses"][0]
    assert state["restartCount"] >= 1 and state["lastState"]["terminated"]["exitCode"] == 137
    assert (
        never["status"]["phase"] == "Failed" and never["status"]["containerStatuses"][0]["restartCount"] == 0
    )
    mark = (cluster.state / "run" / "mark").read_text()
    lives = {_life(pid) for pid in guardian.marked(mark)} - {""}
    eventually(lambda: len({_life(pid) for pid in guardian.marked(mark)} - {""}) <= 1, 10)
    assert lives, "no pod process runs"


def _life(pid: int) -> str:
    """Which start of the cluster a pod process belongs to."""
    try:
        variables = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    marks = [item.decode() for item in variables if item.startswith(f"{guardian.MARK}=".encode())]
    return marks[0].split(".")[1] if marks else ""


def _trial(folder: Path, kills: int, seed: int) -> str:
    with isolated(folder, "bubblewrap", backoff_base=0.1) as cluster:
        cluster.apply(pod("always", STUBBORN, restartPolicy="Always"), pod("never", STUBBORN))
        for name in ("always", "never"):
            cluster.kubectl("wait", "--for=condition=Ready", f"pod/{name}", "--timeout=60s")
        trial = Trial(cluster, seed)
        asyncio.run(trial.run(kills))
        _pods_run_again(cluster)
        return trial.report()


def test_kills_lose_nothing(tmp_path: Path):
    print(_trial(tmp_path, kills=3, seed=1))


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_200_kills_lose_nothing(tmp_path: Path):
    print(_trial(tmp_path, int(os.environ.get("KILLS", "200")), int(os.environ.get("KILL_SEED", "2"))))
