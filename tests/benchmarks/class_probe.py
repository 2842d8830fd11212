"""What `bench_class.py` has done inside each learner's lab: its argument names a function below.

It prints ``ready``, waits for a line, and then prints its result as JSON.
"""

from __future__ import annotations

import inspect
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stdout, suppress

import requests
from jupyter_client.manager import start_new_kernel

from raglab import paths
from raglab.lesson import cluster, start
from raglab.lesson.checks.registry import registered
from raglab.targets import current

DOCUMENT = paths.CHECKOUT / "data" / "documents" / "runbook.md"
QUESTION = {"question": "What is the runbook for?", "context": "", "num_tokens": 40}
IMPORTS = "from raglab.lesson import check, start; import requests, pandas, matplotlib.pyplot"


def router() -> str:
    return f"http://{os.environ['NODE_ADDRESS']}:30081"


def prepare() -> float:
    """Seconds until the application is ready and has a document."""
    began = time.monotonic()
    with redirect_stdout(sys.stderr):
        start("04")
    file = {"file": (DOCUMENT.name, DOCUMENT.read_bytes())}
    requests.post(f"{router()}/uploadDocument", files=file, timeout=300).raise_for_status()
    return time.monotonic() - began


def checks() -> dict[str, float]:
    """Seconds of one look of each check that asks the learner for nothing; whether it says yes or no is the same."""
    return {
        name: timed(item.look)
        for name, item in registered().items()
        if not inspect.signature(item.look).parameters
    }


def timed(look: Callable[[], object]) -> float:
    began = time.monotonic()
    with suppress(cluster.ClusterError):  # `check` takes a refusal as an observation, too
        look()
    return time.monotonic() - began


def answer() -> tuple[float, float]:
    """Seconds to the first words of an answer from documents, and to its end."""
    began = time.monotonic()
    with requests.post(f"{router()}/generate", json=QUESTION, stream=True, timeout=300) as stream:
        stream.raise_for_status()
        pieces = stream.iter_content(None)
        next(pieces)
        first = time.monotonic() - began
        for _ in pieces:
            pass
    return first, time.monotonic() - began


@contextmanager
def kernel() -> Iterator[None]:
    """A notebook's kernel with a lesson's imports."""
    manager, client = start_new_kernel()
    client.execute_interactive(IMPORTS, output_hook=lambda message: None)
    yield
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def main(what: str) -> None:
    os.environ.update(current().environment())
    with kernel() if what == "kernel" else nullcontext():
        print("ready", flush=True)
        sys.stdin.readline()
    if what in PROBES:
        print(json.dumps(PROBES[what]()))


PROBES = {"prepare": prepare, "checks": checks, "answer": answer}

if __name__ == "__main__":
    main(sys.argv[1])
