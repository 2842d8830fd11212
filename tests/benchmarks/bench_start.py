"""How long does a lesson take to begin, and to go back? ``python tests/benchmarks/bench_start.py``

In a lab of its own. Each lesson is started twice: *made* from an empty cluster, as by a learner who enters the course
there, and *restored* from its snapshot, coming from the cluster with most on it. The last columns are of the snapshot:
how long the cluster stands still for one more, what that adds to the disk, and what `undo` takes.
"""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout

from raglab import paths
from raglab.lesson import manifest, preparing, start, undo
from raglab.pocket import snapshots as files
from raglab.services.prometheus import install
from raglab.targets import Pocket
from raglab.targets.network import reserved

LIMIT = 20.0  # seconds to start any lesson, from anywhere
FULLEST = "06"


def seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def still(target: Pocket) -> tuple[float, float]:
    """Milliseconds that the cluster stands still for a snapshot, and MB that one adds where little has changed."""
    copying: list[float] = []
    copy, shots = files.copy, target.snapshots()
    assert shots is not None
    files.copy = lambda *given: copying.append(seconds(lambda: copy(*given)))
    try:
        shots.take("one")
        before = shots.size()
        shots.take("two")
    finally:
        files.copy = copy
    added = shots.size() - before
    for name in ("one", "two"):
        shots.drop(name)
    return copying[-1] * 1000, added / 1e6


def measure(number: str, target: Pocket) -> None:
    with redirect_stdout(io.StringIO()):
        preparing.reach("empty", target)
        shutil.rmtree(target.state / "snapshots", ignore_errors=True)
        made = seconds(lambda: start(number, fresh=True))
        preparing.reach(manifest.load()[FULLEST].state, target)
        restored = seconds(lambda: start(number, fresh=True))
        back = seconds(undo)
        frozen, added = still(target)
    verdict = "" if max(made, restored) <= LIMIT else f"   over {LIMIT:.0f} s"
    print(
        f"{number:8}{made:9.1f} s{restored:9.1f} s{back:9.1f} s{frozen:9.0f} ms{added:8.1f} MB{verdict}",
        flush=True,
    )


def main() -> None:
    models, prometheus = str(paths.models()), str(install.place(paths.home()))
    with tempfile.TemporaryDirectory(prefix="raglab-bench-") as home, reserved() as network:
        os.environ |= {"RAGLAB_HOME": home, "RAGLAB_MODELS": models, "RAGLAB_PROMETHEUS": prometheus}
        os.environ["RAGLAB_NETWORK"] = str(network.number)
        target = Pocket()
        target.up(lambda line: None)
        os.environ |= target.environment()
        print(f"{'lesson':8}{'made':>11}{'restored':>11}{'undo':>11}{'still':>12}{'added':>11}", flush=True)
        try:
            for number in sys.argv[1:] or manifest.load():
                measure(number, target)
        finally:
            target.down(lambda line: None)


if __name__ == "__main__":
    main()
