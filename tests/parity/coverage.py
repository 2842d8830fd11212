"""``COVERAGE.md``: how much of what a real Kubernetes answered the pocket cluster answers too, and why not the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.parity.recordings import steps, transcripts
from tests.parity.states import ACCEPTED, UNSUPPORTED, Reason, differing, reasons

FILE = Path(__file__).parent / "COVERAGE.md"
HEAD = """\
# Parity with Kubernetes 1.36.2

Written by `python -m tests.parity --write` on {date}; do not edit.

kubectl 1.37.1, helm 3.17.3 and the Python client were recorded against a real Kubernetes 1.36.2 control plane. The same
commands, with the same manifests, run against fresh pocket clusters. A step is *equal* if output, error and exit code
are the same but for what every cluster makes up by itself (uids, generated names, addresses, ports: one to one through
a whole transcript) and what passes (times, ages, resource versions, facts of the machine). Reading commands are
repeated for up to three seconds, as controllers take their time on both sides.

What stood in for a part of Kubernetes when the recordings were made does so here, too, so that the same is asked: a
node that takes its time to start and to end containers, programs in them that say the same and share a folder with
the recorder, objects in `kube-system` that only look like minikube's, a default StorageClass without a provisioner, and
what the node told of its machine. In the lab none of that is so: containers run at once, the default class has a
provisioner, `kube-system` holds no pods. And a deleted namespace is left for the five seconds that a real controller
leaves it; in the lab it is emptied at once.

Not replayed are the 96 commands of `09-proxy-fault-experiments`: they show clients at a server made faulty on purpose.
"""
PART = {ACCEPTED: "## Accepted differences", UNSUPPORTED: "## Not supported (answered with a clear error)"}


def render(date: str) -> str:
    """The whole document."""
    return "\n".join([HEAD.format(date=date), *_table(), "", *_reasons()])


def written_on() -> str:
    """The date in the document as it is."""
    return FILE.read_text().split("--write` on ")[1].split(";")[0]


def _table() -> Iterator[str]:
    yield "| transcript | steps | equal | accepted difference | of these: a stand-in was recorded | not supported |"
    yield "|---|---:|---:|---:|---:|---:|"
    rows = [_counts(transcript) for transcript in transcripts()]
    for transcript, row in zip(transcripts(), rows, strict=True):
        yield f"| {transcript} | {' | '.join(map(str, row))} |"
    sums = [sum(column) for column in zip(*rows, strict=True)]
    yield f"| **all** | {' | '.join(f'**{total}**' for total in sums)} |"
    yield ""
    yield f"{sums[1]} of {sums[0]} steps are equal ({sums[1] / sums[0]:.1%})."


def _counts(transcript: str) -> list[int]:
    """Steps, equal, accepted, stand-ins among these, not supported."""
    found = list(differing(transcript).values())
    states = [reason.state for reason in found]
    accepted, unsupported = states.count(ACCEPTED), states.count(UNSUPPORTED)
    total = len(steps(transcript))
    return [total, total - len(found), accepted, sum(reason.stand_in for reason in found), unsupported]


def _reasons() -> Iterator[str]:
    for state, title in PART.items():
        yield title
        for reason in reasons():
            if reason.state == state:
                yield from _reason(reason)
        yield ""


def _reason(reason: Reason) -> Iterator[str]:
    yield f"\n{reason.why.strip()}\n"
    for transcript, numbers in reason.steps.items():
        for number in numbers:
            command = steps(transcript)[number].command.replace("\n", " ")
            yield f"- {transcript} {number}: `{command[:110]}`"
