"""Getting a container's image: from the catalogue, with the events and waiting reasons of a kubelet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from raglab.pocket.client import Object
from raglab.pocket.node.context import NodeContext
from raglab.pocket.node.images import Program, UnknownImage

LONGEST_BACKOFF = 300.0
ERROR_SHOWN = 2.0
"""Seconds ``ErrImagePull`` is shown before it turns into ``ImagePullBackOff``."""

Say = Callable[[str, str, str], None]
Wait = Callable[[str, str], None]


async def pull(
    node: NodeContext, container: Object, changed: asyncio.Event, say: Say, wait: Wait, **facts: str
) -> Program:
    """The program behind the image. An unknown one is tried for ever, with pauses that double up to five minutes.

    `say` writes an Event (type, reason, message), `wait` sets the waiting state (reason, message). When `changed`
    is set, `container` names another image, which is tried at once.
    """
    pause = node.settings.backoff_base
    while True:
        image = container["image"]
        changed.clear()
        try:
            program = node.images.resolve(image, **facts)
        except UnknownImage as error:
            await _fail(node, image, str(error), pause, changed, say, wait)
            pause = node.settings.backoff_base if changed.is_set() else min(LONGEST_BACKOFF, pause * 2)
            continue
        await node.clock.sleep(program.creating)
        _tell(node, container, program, say)
        return program


async def _fail(
    node: NodeContext, image: str, why: str, pause: float, changed: asyncio.Event, say: Say, wait: Wait
) -> None:
    say("Normal", "Pulling", f'Pulling image "{image}"')
    say("Warning", "Failed", f'Failed to pull image "{image}": {why}')
    say("Warning", "Failed", "Error: ErrImagePull")
    wait("ErrImagePull", why)
    await _pause(node, min(pause, ERROR_SHOWN), changed)
    say("Normal", "BackOff", f'Back-off pulling image "{image}"')
    say("Warning", "Failed", "Error: ImagePullBackOff")
    wait("ImagePullBackOff", f'Back-off pulling image "{image}": ErrImagePull: {why}')
    await _pause(node, pause, changed)


async def _pause(node: NodeContext, seconds: float, changed: asyncio.Event) -> None:
    """Sleep, but not longer than until the image changes."""
    waits = [asyncio.ensure_future(node.clock.sleep(seconds)), asyncio.ensure_future(changed.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waits:
            task.cancel()


def _tell(node: NodeContext, container: Object, program: Program, say: Say) -> None:
    image = program.reference
    if image in node.pulled and container.get("imagePullPolicy") != "Always":
        text = f'Container image "{image}" already present on machine and can be accessed by the pod'
        say("Normal", "Pulled", text)
        return
    say("Normal", "Pulling", f'Pulling image "{image}"')
    done = f'Successfully pulled image "{image}" in 1ms (1ms including waiting).'
    say("Normal", "Pulled", f"{done} Image size: {program.size} bytes.")
    node.remember_image(image)
