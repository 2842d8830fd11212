"""Runs the lessons' load with the real Locust against services that the test controls.

Locust lives in a process of its own: importing it replaces Python's own networking by gevent's.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from raglab.paths import CHECKOUT

LIMIT = 60.0
ENOUGH = 20
"""Requests after which a load has shown what it does."""
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Target:
    """An HTTP service; `answers` by ``METHOD path``."""

    answers: dict[str, Handler]
    url: str = ""
    seen: list[tuple[str, Any]] = field(default_factory=list)
    connections: set[Any] = field(default_factory=set)
    asked: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def wait_for(self, condition: Callable[[], object]) -> None:
        """Return when requests have made `condition` true."""
        async with asyncio.timeout(LIMIT), self.asked:
            await self.asked.wait_for(lambda: bool(condition()))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        kind, body = request.content_type, None
        if kind == "application/json" and request.can_read_body:
            body = await request.json()
        elif kind == "multipart/form-data":
            body = {name: part.file.read() for name, part in (await request.post()).items()}
        self.seen.append((f"{request.method} {request.path}", body))
        self.connections.add(request.transport.get_extra_info("peername"))
        async with self.asked:
            self.asked.notify_all()
        return await self.answers[f"{request.method} {request.path}"](request)


@pytest.fixture
async def target() -> AsyncIterator[Target]:
    app, found = web.Application(), Target({})
    app.router.add_route("*", "/{path:.*}", found.handle)
    server = TestServer(app)
    await server.start_server()
    found.url = str(server.make_url("")).rstrip("/")
    yield found
    await server.close()


@pytest.fixture
def run(target: Target):
    """``await run("main.py", users=3)`` runs the load until it has asked often enough, or to the end of its stages;
    its statistics by name, and what it printed."""

    async def run(
        file: str, users: int = 2, until: Callable[[], object] | None = None, **env: str
    ) -> tuple[dict[str, dict], str]:
        command = [
            sys.executable,
            "-m",
            "locust",
            "-f",
            str(CHECKOUT / "locust" / file),
            "--headless",
            "--json",
        ]
        command += ["--host", target.url]
        command += ["--users", str(users), "--spawn-rate", "100"] if users else []
        base = {"PATH": os.environ["PATH"], "LOAD_WAIT": "0.05,0.1", "LOAD_ROUTER": target.url}
        process = await asyncio.create_subprocess_exec(
            *command,
            env=base | env,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        said = asyncio.create_task(process.communicate())
        if users:
            await target.wait_for(until or (lambda: len(target.seen) > ENOUGH))
            process.terminate()
        output, errors = await asyncio.wait_for(said, LIMIT)
        assert output, errors.decode()
        return {entry["name"]: entry for entry in json.loads(output)}, errors.decode()

    return run
