"""What does a class cost a server? ``python tests/benchmarks/bench_class.py 5 10``

Starts as many labs side by side as the first number says and prints what each takes, then more for the next number, and
stops where the machine has no room. Every lab is complete: JupyterLab, a kernel with a lesson's imports, and the RAG
application with a document in it. Each check that needs no answer of a learner is asked once, first by one learner,
then by all at the same moment; and so is the application.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from statistics import mean, median

import psutil

sys.path.insert(0, str(Path(__file__).parents[2]))
from raglab import paths
from raglab.pocket.kinds.schema import Schemas
from raglab.services.prometheus import install
from raglab.targets import Pocket
from raglab.targets.network import reserved
from tests.benchmarks.class_seat import Seat, together
from tests.cli.lab import Lab

ROOM, ASKING = 3.2e9, 0.2e9
"""Bytes of memory: free for one more lab to be started, and for each probe that will ask beside the labs."""
QUIET = 20.0
"""Seconds over which the CPU time of idle labs is counted."""
PATIENCE = 2.0
"""Seconds that a check may take."""


def busy(seats: list[Seat]) -> float:
    """Cores that a lab takes while nobody does anything."""
    before = mean(seat.cpu() for seat in seats)
    time.sleep(QUIET)  # a span to count over, not a state to wait for
    return (mean(seat.cpu() for seat in seats) - before) / QUIET


def report(seats: list[Seat]) -> None:
    """Print what one learner costs while as many as there are sit side by side."""
    print(f"\n{len(seats)} labs, {psutil.virtual_memory().available / 1e9:.1f} GB of memory left")
    row("start and application", f"{median(seat.seconds for seat in seats):.1f} s")
    row("memory of a learner", f"{mean(seat.memory() for seat in seats) / 1e6:.0f} MB")
    row("  of it JupyterLab and a kernel", f"{mean(seat.notebooks() for seat in seats) / 1e6:.0f} MB")
    row("cores while nobody works", f"{busy(seats):.3f}")
    row("disk of a learner", f"{mean(seat.disk() for seat in seats) / 1e6:.0f} MB")
    row("processes", f"{mean(len(seat.processes()) for seat in seats):.0f}")
    row("listening addresses", f"{mean(seat.ports() for seat in seats):.0f}")
    _checks(seats)
    _answers(seats)


def _checks(seats: list[Seat]) -> None:
    for who, asking in (("one learner asks", seats[:1]), ("all ask at once", seats)):
        found = [json.loads(text) for text in together(asking, "checks")]
        row(f"{len(found[0])} checks, {who}", spread(seconds for each in found for seconds in each.values()))


def _answers(seats: list[Seat]) -> None:
    for who, asking in (("one learner asks", seats[:1]), ("all ask at once", seats)):
        began, ended = zip(*(json.loads(text) for text in together(asking, "answer")), strict=True)
        row(
            f"an answer, {who}", f"the last begins after {max(began):.2f} s and ends after {max(ended):.1f} s"
        )


def row(name: str, measured: str) -> None:
    print(f"  {name:32} {measured}", flush=True)


def spread(seconds: Iterable[float]) -> str:
    """The usual and the worst time, and how many are too long."""
    times = sorted(seconds)
    late = sum(each > PATIENCE for each in times)
    return f"median {median(times):.2f} s, slowest {times[-1]:.2f} s; {late} of {len(times)} over {PATIENCE:.0f} s"


def has_room(labs: int) -> bool:
    """Whether one more lab fits beside `labs`, also when all are asked at once."""
    return psutil.virtual_memory().available > ROOM + ASKING * labs


def enter(stack: ExitStack) -> Seat:
    """One more lab, ended with the stack."""
    folder = Path(
        stack.enter_context(tempfile.TemporaryDirectory(prefix="raglab-class-", ignore_cleanup_errors=True))
    )
    lab = Lab(folder, stack.enter_context(reserved()), paths.models(), install.place(paths.home()))
    lab.user.mkdir()
    (lab.home / "cache").mkdir(parents=True, mode=0o700)
    (lab.home / "cache" / "schemas").symlink_to(Pocket.schema_cache())
    stack.callback(lab.run, "down")
    seat = Seat(lab)
    stack.callback(seat.leave)
    return seat


def main(sizes: list[int]) -> None:
    Schemas.load(Pocket.schema_cache())
    total, load = psutil.virtual_memory().total, os.getloadavg()[0]
    print(f"{os.cpu_count()} cores, {total / 1e9:.0f} GB of memory, load {load:.1f}")
    seats: list[Seat] = []
    with ExitStack() as stack:
        for size in sizes:
            while len(seats) < size and has_room(len(seats)):
                seats.append(enter(stack))
                print(f"lab {len(seats)} after {seats[-1].seconds:.0f} s", flush=True)
            report(seats)
            if len(seats) < size:
                print(f"\nNo room for lab {len(seats) + 1}")
                return


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))  # labs end with the stack
    main([int(word) for word in sys.argv[1:]] or [5])
