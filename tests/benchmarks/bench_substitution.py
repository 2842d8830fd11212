"""How many requests does a substitution of the model lose? ``python tests/benchmarks/bench_substitution.py``

A lab in a state folder of its own, two releases of the LLM NIM, and 50 users who ask again and again: one half on
connections of their own that they keep, the other half with a new connection per request. Meanwhile the Service is
switched, rolled back, switched again, the old release drained, and the new one scaled out and in. Then, to compare,
the same release is changed in place.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx

from raglab import paths
from raglab.services.prometheus import install
from raglab.targets import Pocket

CONFIG = paths.CHECKOUT / "kubernetes-config"
CHART, VALUES = str(CONFIG / "charts" / "nemollm-inference"), CONFIG / "values" / "pocket"
RAGLAB = [sys.executable, "-c", "from raglab.cli import main; main()"]
USERS, ENOUGH = 50, 1000
PAUSE = (0.2, 0.8)  # seconds between two requests of a user
LIMIT = 180.0  # seconds for the whole load, and for any one command
OPEN, NEW = "kept connections", "new connections"
ASKED = {"messages": [{"role": "user", "content": "Say yes."}], "max_tokens": 1, "temperature": 0}


class Load:
    """The users, and what became of their requests."""

    def __init__(self, url: str) -> None:
        self.url, self.sent, self.failed = url, Counter[str](), Counter[str]()
        self.down = 0.0
        """Seconds from the first failure to the last."""
        self._first, self._news = 0.0, asyncio.Event()
        self._tasks = [asyncio.create_task(self._user(OPEN if n % 2 else NEW)) for n in range(USERS)]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def reach(self, requests: int) -> None:
        async with asyncio.timeout(LIMIT):
            while sum(self.sent.values()) < requests:
                self._news.clear()
                await self._news.wait()

    async def _user(self, kind: str) -> None:
        headers = {} if kind == OPEN else {"Connection": "close"}
        async with httpx.AsyncClient(trust_env=False, timeout=60, headers=headers) as client:
            while True:
                await asyncio.sleep(random.uniform(*PAUSE))
                right = await self._ask(client)
                self.sent[kind] += 1
                self._news.set()
                if not right:
                    self._note_failure(kind)

    async def _ask(self, client: httpx.AsyncClient) -> bool:
        try:
            answer = await client.post(self.url, json=ASKED | {"model": "llama-2-7b-chat"})
        except httpx.HTTPError:
            return False
        return answer.status_code == 200

    def _note_failure(self, kind: str) -> None:
        self.failed[kind] += 1
        self._first = self._first or time.monotonic()
        self.down = time.monotonic() - self._first


async def command(*words: str) -> None:
    process = await asyncio.create_subprocess_exec(*words, stdout=subprocess.DEVNULL)
    if await asyncio.wait_for(process.wait(), LIMIT):
        raise SystemExit(f"{' '.join(words)} failed")


async def release(name: str, *options: str) -> None:
    """`helm upgrade --install` of the chart; with pods to wait for, until they are ready."""
    await command("helm", "upgrade", "--install", name, CHART, "-n", "rag-sample", *options)


async def ready(name: str) -> None:
    await command("kubectl", "rollout", "status", f"statefulset/{name}", "-n", "rag-sample", "--timeout=120s")


async def deploy() -> None:
    await command("kubectl", "apply", "-f", str(CONFIG / "namespace.yaml"), "-f", str(CONFIG / "storage"))
    files = ["-f", str(VALUES / "nemollm-inference.yaml")]
    files += ["-f", str(CONFIG / "substitution" / "prefix-cache.yaml")]
    await release("nemollm-inference", *files)
    names = "model.name=mistral-7b-instruct\\,llama-2-7b-chat"
    own = ["--set=fullnameOverride=nemollm-mistral", "--set=service.nodePorts.openai=30006", "--set", names]
    await release("nemollm-mistral", *files, *own)
    await ready("nemollm-inference")
    await ready("nemollm-mistral")


async def substitute(load: Load) -> None:
    """What lesson 07 does, and a replica more and less."""
    switch = ("--reuse-values", "--set=service.release=nemollm-mistral")
    await load.reach(200)
    await release("nemollm-inference", *switch)
    await load.reach(400)
    await command("helm", "rollback", "nemollm-inference", "-n", "rag-sample")
    await load.reach(600)
    await release("nemollm-inference", *switch)
    await release("nemollm-inference", "--reuse-values", "--set=replicaCount=0")
    await command(
        "kubectl", "wait", "pod/nemollm-inference-0", "-n", "rag-sample", "--for=delete", "--timeout=90s"
    )
    await release("nemollm-mistral", "--reuse-values", "--set=replicaCount=2")
    await ready("nemollm-mistral")
    await load.reach(900)
    await release("nemollm-mistral", "--reuse-values", "--set=replicaCount=1")
    await command(
        "kubectl", "wait", "pod/nemollm-mistral-1", "-n", "rag-sample", "--for=delete", "--timeout=90s"
    )
    await load.reach(ENOUGH + 200)


async def in_place(load: Load) -> None:
    await load.reach(100)
    await release("nemollm-mistral", "--reuse-values", "--set=model.logLevel=WARNING")
    await ready("nemollm-mistral")
    await load.reach(sum(load.sent.values()) + 200)


def tell(title: str, load: Load, seconds: float) -> None:
    sent, failed = sum(load.sent.values()), sum(load.failed.values())
    parts = ", ".join(f"{load.failed[kind]} of {load.sent[kind]} on {kind}" for kind in (OPEN, NEW))
    down = f", {load.down:.1f} s from the first failure to the last" if failed else ""
    print(
        f"{title:28} {failed} of {sent} requests failed under {USERS} users in {seconds:.0f} s ({parts}){down}"
    )


async def measure(url: str) -> None:
    await deploy()
    for title, work in (("second release and switch", substitute), ("in place", in_place)):
        load, began = Load(url), time.monotonic()
        await work(load)
        await load.stop()
        tell(title, load, time.monotonic() - began)


def main() -> None:
    kept = {"RAGLAB_MODELS": str(paths.models()), "RAGLAB_PROMETHEUS": str(install.place(paths.home()))}
    home = Path(tempfile.mkdtemp(prefix="raglab-bench-"))
    os.environ |= kept | {"RAGLAB_HOME": str(home)}
    target = Pocket()
    os.environ |= target.environment()
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; target: 0 of >= {ENOUGH} with a second release"
    )
    try:
        subprocess.run([*RAGLAB, "up"], check=True, timeout=LIMIT)
        asyncio.run(measure(f"http://{target.environment()['NODE_ADDRESS']}:30005/v1/chat/completions"))
    finally:
        subprocess.run([*RAGLAB, "down"], capture_output=True, timeout=LIMIT)
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
