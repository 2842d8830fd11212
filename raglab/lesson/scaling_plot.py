"""A recording of an autoscaler as four plots above each other, over one axis of time."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from raglab.lesson.drawing import COLOURS

if TYPE_CHECKING:
    from raglab.lesson.scaling import Recording

SIZE = (8.0, 5.4)  # inches
ROWS = ("users", "GPU busy, %\n(simulated)", "p95 latency, s", "replicas")


def plot(recording: Recording) -> Any:
    """A matplotlib Figure: users, utilisation, latency, and replicas asked for and ready."""
    from matplotlib.figure import Figure  # takes half a second, which only those who draw should wait

    made = Figure(figsize=SIZE, layout="constrained")
    places = made.subplots(len(ROWS), 1, sharex=True)
    samples = recording.samples
    at = [sample.seconds for sample in samples]
    places[0].step(at, [s.users for s in samples], where="post", color=COLOURS[0])
    places[1].plot(at, [s.busy for s in samples], color=COLOURS[1])
    places[2].plot(at, [s.p95 for s in samples], color=COLOURS[2])
    places[3].step(at, [s.asked for s in samples], "--", where="post", color=COLOURS[3], label="asked for")
    places[3].step(at, [s.ready for s in samples], where="post", color=COLOURS[0], label="ready")
    places[3].legend(loc="upper left", fontsize=8)
    for decision in recording.scaled():
        places[3].axvline(decision.seconds, color=COLOURS[6], linestyle=":")
    for place, name in zip(places, ROWS, strict=True):
        place.set_ylabel(name, fontsize=8)
        place.set_ylim(bottom=0)
        place.grid(alpha=0.3)
    places[-1].set_xlabel("seconds; dotted: the autoscaler changes the number of replicas")
    return made


def png(plot: Any) -> bytes:
    """The plot as a picture."""
    buffer = io.BytesIO()
    plot.savefig(buffer, format="png", dpi=80)
    return buffer.getvalue()
