"""An autoscaler at work: users, utilisation, latency and replicas second by second, and what was decided when."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from raglab.lesson import load
from raglab.lesson.autoscaler import Decision, Seen, look
from raglab.lesson.live import LiveLine
from raglab.lesson.scaling_plot import plot, png
from raglab.lesson.waiting import GaveUp

INTERVAL = 1.0  # seconds between two samples
REDRAWN = 3  # samples between two drawings of the live plot, which takes a quarter of a second


@dataclass(frozen=True, slots=True)
class Sample:
    """One look at everything, `seconds` after the recording began. `p95` is in seconds, `busy` in per cent of a GPU
    (NaN where there is none), `rate` in answers per second; `ready` of `asked` replicas answer."""

    seconds: float
    users: int
    p95: float
    rate: float
    failed: int
    busy: float
    ready: int
    asked: int


class Recording:
    """What happens to one StatefulSet under load. Nothing is recorded between two calls of `until`."""

    def __init__(self, autoscaler: str, workload: str) -> None:
        self.autoscaler, self.workload = autoscaler, workload
        self.samples: list[Sample] = []
        self.decisions: list[Decision] = []
        self._began = time.monotonic()

    def until(self, words: str, seen: Callable[[Recording], object], seconds: float = 60) -> float:
        """Record, and draw meanwhile, until `seen` of this recording is true; the seconds that took, as a float.

        Raises `GaveUp` with the autoscaler's own words after `seconds`.
        """
        began = time.monotonic()
        with LiveLine() as line:
            while not self._look() or not seen(self):
                if time.monotonic() - began > seconds:
                    raise GaveUp(f"{words}: not seen in {seconds:.0f} s. {self._last_words()}")
                if len(self.samples) % REDRAWN == 0:
                    line.draw(png(plot(self)))
                time.sleep(INTERVAL)
        print(f"✓ {words}")
        return time.monotonic() - began

    @property
    def last(self) -> Sample:
        return self.samples[-1]

    def scaled(self) -> list[Decision]:
        """The decisions that changed the number of replicas."""
        return [decision for decision in self.decisions if decision.wanted != decision.current]

    def gpu_seconds(self, users: int) -> float:
        """GPUs held by ready replicas, times seconds, while there were so many users."""
        pairs = zip(self.samples, self.samples[1:], strict=False)
        return sum(
            first.ready * (then.seconds - first.seconds) for first, then in pairs if first.users == users
        )

    def _look(self) -> bool:
        at = time.monotonic() - self._began
        seen, users = look(self.autoscaler, self.workload), load.statistics()
        self.samples.append(_sample(at, seen, users))
        if seen.decision and (not self.decisions or not seen.decision.repeats(self.decisions[-1])):
            self.decisions.append(seen.decision.at(at))
        return True

    def _last_words(self) -> str:
        return self.decisions[-1].why if self.decisions else f"kubectl describe hpa {self.autoscaler}"


def _sample(at: float, seen: Seen, users: dict[str, Any]) -> Sample:
    latency = (users.get("current_response_time_percentiles") or {}).get("response_time_percentile_0.95")
    return Sample(
        seconds=at,
        users=users["user_count"],
        p95=(latency or 0) / 1000,
        rate=users["total_rps"],
        failed=users["stats"][-1]["num_failures"] if users["stats"] else 0,
        busy=load.busy(),
        ready=seen.ready,
        asked=seen.asked,
    )
