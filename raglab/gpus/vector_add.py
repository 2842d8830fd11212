"""What NVIDIA's sample ``vectoradd`` does: add two vectors of 50,000 random numbers and verify every single sum.

The GPU is simulated: this machine's CPU adds, and meanwhile the device counts as busy. A container that was given no
device fails as the sample does, for the CUDA runtime finds none. Steps, exit codes and the words that people look for
in the log are the sample's.
"""

from __future__ import annotations

import operator
import random
import sys
from array import array
from collections.abc import Sequence

from raglab.gpus import inventory
from raglab.gpus.busy import BusyClock
from raglab.gpus.usage import Hold

ELEMENTS = 50_000
THREADS = 256  # per block, as the sample launches them
TOLERANCE = 1e-5
"""Largest error of a sum of two single-precision numbers below 1 that passes."""


def add(a: Sequence[float], b: Sequence[float]) -> array[float]:
    """The sums of `a` and `b`, element by element, in single precision."""
    return array("f", map(operator.add, a, b))


def first_wrong(a: Sequence[float], b: Sequence[float], c: Sequence[float]) -> int | None:
    """Index of the first element of `c` that is not the sum of those in `a` and `b`; None if all are right."""
    return next((i for i in range(len(a)) if not abs(a[i] + b[i] - c[i]) <= TOLERANCE), None)


def main() -> int:
    """Run the sample; the exit code says whether it passed."""
    clock = BusyClock()
    with Hold("vectorAdd", clock) as hold:
        print(f"[Vector addition of {ELEMENTS} elements]")
        if not hold.uuids:
            why = "Failed to allocate device vector A (error code no CUDA-capable device is detected)!"
            print(why, file=sys.stderr)
            return 1
        print(f"Device {hold.uuids[0]}: {inventory.load().product} (simulated: the CPU adds)")
        return _test(hold, clock)


def _test(hold: Hold, clock: BusyClock) -> int:
    a, b = _random_vector(), _random_vector()
    hold.memory(3 * ELEMENTS * a.itemsize)
    print("Copy input data from the host memory to the CUDA device")
    print(f"CUDA kernel launch with {-(-ELEMENTS // THREADS)} blocks of {THREADS} threads")
    clock.start()
    c = add(a, b)
    clock.stop()
    print("Copy output data from the CUDA device to the host memory")
    if (wrong := first_wrong(a, b, c)) is not None:
        print(f"Result verification failed at element {wrong}!", file=sys.stderr)
        return 1
    print("Test PASSED\nDone")
    return 0


def _random_vector() -> array[float]:
    return array("f", (random.random() for _ in range(ELEMENTS)))


if __name__ == "__main__":
    sys.exit(main())
