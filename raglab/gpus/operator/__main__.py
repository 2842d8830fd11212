"""``python -m raglab.gpus.operator PART``: one part of the operator, as its pod runs it.

Parts that follow the API's changes stay. Parts that look again after a while are nothing but a ``sleep`` meanwhile, and
those with nothing to do after their start are one for good: ten pods take the memory of a few.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from typing import NoReturn

from raglab.gpus import inventory
from raglab.gpus.operator import deploying, features, labelling, node, validating
from raglab.gpus.operator.seeing import Seen
from raglab.incluster import Api, ApiError

FOREVER = "infinity"
SYNC = 60
"""Seconds after which a part looks even if nothing has changed."""
RETRY = 2
"""Seconds after which a part asks an API again that gave no answer, and looks for what it waits for."""

log = logging.getLogger("gpu-operator")


def follow(look: Callable[[Api], Seen], path: Callable[[Api], str]) -> Callable[[Api], NoReturn]:
    """A part that looks again whenever something below `path` changes, and soon if it waits for something else."""

    def run(api: Api) -> NoReturn:
        while True:
            try:
                seen = look(api)
                api.wait(path(api), seen.version, SYNC if seen.settled else RETRY)
            except ApiError as error:
                log.warning("%s", error)
                time.sleep(RETRY)

    return run


def every(pause: float | str, look: Callable[[Api], None]) -> Callable[[Api], NoReturn]:
    """A part that looks, then sleeps for `pause` seconds as a program that needs no memory, and starts again."""

    def run(api: Api) -> NoReturn:
        wait = str(pause)
        try:
            look(api)
        except ApiError as error:
            log.warning("%s", error)
            wait = str(RETRY)
        again = [sys.executable, "-m", "raglab.gpus.operator", *sys.argv[1:]]
        os.execvp("sh", ["sh", "-c", 'sleep "$0"; exec "$@"', wait, *again])

    return run


def _find_features(api: Api) -> None:
    found = features.of_this_node(inventory.load())
    labelling.publish(api, "nfd", os.environ["NODE_NAME"], found, validating.owner(api))


def _find_gpus(api: Api) -> None:
    first = os.environ.setdefault("GFD_TIMESTAMP", str(int(time.time())))  # kept for the next look
    found = features.of_gpus(inventory.load(), int(first))
    labelling.publish(api, "gfd", os.environ["NODE_NAME"], found, validating.owner(api))


PARTS: dict[str, Callable[[Api], None]] = {
    "gpu-operator": follow(deploying.deploy, lambda api: labelling.NODES),
    "nfd-master": follow(labelling.label, lambda api: labelling.path(api.namespace)),
    "nfd-worker": every(SYNC, _find_features),
    "nfd-gc": every(3600, labelling.collect_garbage),
    "gpu-feature-discovery": every(SYNC, _find_gpus),
    "container-toolkit": every(FOREVER, node.container_toolkit),
    "device-plugin": every(FOREVER, node.device_plugin),
    "clean-up": deploying.clean_up,
} | {f"validate-{step}": lambda api, step=step: validating.validate(api, step) for step in validating.STEPS}


def main() -> int:
    """Run the part that the argument names; exit code 2 for a name that is none, 1 if the API refuses."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout)
    name = sys.argv[1] if len(sys.argv) == 2 else ""
    if name not in PARTS:
        print(f"{name!r} is no part of the operator; there are: {', '.join(PARTS)}", file=sys.stderr)
        return 2
    try:
        PARTS[name](Api())
    except ApiError as error:
        log.error("%s", error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
