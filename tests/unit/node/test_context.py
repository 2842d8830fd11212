"""Waiting for changes of what a pod takes files from."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from raglab.pocket.node.box import PodContext


def context() -> PodContext:
    nothing: Any = None
    return PodContext(nothing, nothing, Path(), nothing, lambda: None)


async def test_a_change_and_the_end_of_the_time_both_end_the_wait() -> None:
    made = context()
    await made.until_refreshed(0.01)
    made.refreshed.set()
    await made.until_refreshed(60)


@pytest.mark.parametrize("steps", range(5))
async def test_a_pod_that_ends_in_the_moment_of_a_change_does_end(steps: int) -> None:
    """Whatever step the event loop has come to: `asyncio.wait_for` of Python 3.11 fails at one of them."""
    made = context()

    async def follow() -> None:
        while True:
            await made.until_refreshed(60)
            made.refreshed = asyncio.Event()

    following = asyncio.create_task(follow())
    await asyncio.sleep(0.01)
    made.refreshed.set()
    for _ in range(steps):
        await asyncio.sleep(0)
    following.cancel()
    done, _ = await asyncio.wait([following], timeout=5)
    assert done
