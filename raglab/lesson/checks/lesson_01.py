"""Checks of lesson 01, GPU topology. What the cluster's GPUs look like is asked in its pods, with `nvidia-smi`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import combinations
from typing import Any

from raglab import paths
from raglab.gpus import topology
from raglab.gpus.topology import Topology, TopologyError
from raglab.lesson import cluster
from raglab.lesson.checks.registry import Verdict, register

NAMESPACE = "topology"
CAPTURES = paths.CHECKOUT / "data" / "topology"
Pairs = Sequence[tuple[str, str]]
EXAMPLES = (
    ("azure-nc96ads-a100-v4", (0, 1, 2, 3), 2),
    ("azure-nc96ads-a100-v4", (1, 2, 3), 1),
    ("pcie-8x4090", (0, 1, 3, 4, 6, 7), 3),
    ("pcie-8x4090", (0, 2, 5, 7), 2),
    ("dgx-a100", (0, 2, 4, 7), 2),
)
"""Machine, free GPUs, and jobs of two GPUs that wait."""


def _machine(pod: str) -> Topology:
    """The matrix as `pod` sees it; ClusterError where it sees none."""
    text = cluster.kubectl("exec", pod, "-n", NAMESPACE, "--", "nvidia-smi", "topo", "-m")
    try:
        return topology.parse(text)
    except TopologyError as error:
        raise cluster.ClusterError(str(error)) from error


@register(
    "01.all-gpus",
    "The pod sees all four GPUs",
    "A container sees the GPUs that its limits ask for; other pods may hold the rest.",
)
def all_gpus() -> Verdict:
    found = _machine("all-gpus").gpus
    return Verdict(
        len(found) == 4, f"{len(found)} GPUs", "4 GPUs", "kubectl describe pod all-gpus -n topology"
    )


@register(
    "01.matrix",
    "Your table has every link of the matrix",
    "A row has one field for each GPU; what follows, CPUs and NUMA node, is no link.",
)
def matrix(table: Any) -> Verdict:
    machine = _machine("all-gpus")
    wrong = [pair for pair in machine.pairs if str(table.loc[pair]).strip() != machine.links[pair]]
    observed = f"{len(machine.pairs) - len(wrong)} of {len(machine.pairs)} pairs right"
    return Verdict(
        not wrong, observed, "every pair right", f"kubectl exec all-gpus -n {NAMESPACE} -- nvidia-smi topo -m"
    )


@register(
    "01.bandwidth",
    "Your prediction fits the specification",
    "NVLinks side by side add up; SYS is no faster than the PCIe slot.",
)
def bandwidth(predicted: Mapping[tuple[str, str], float]) -> Verdict:
    ours = topology.read(CAPTURES / "azure-nc96ads-a100-v4.txt")
    wrong = {pair for pair, value in predicted.items() if abs(value - ours.bandwidth(*pair)) > 1}
    observed = ", ".join(f"{a}-{b} {value:g} GB/s" for (a, b), value in sorted(predicted.items()))
    kinds = {ours.links[pair][:2] for pair in predicted}
    return Verdict(
        not wrong and kinds == {"NV", "SY"},
        observed or "no prediction",
        "a linked and an unlinked pair, links x GB/s each",
        f"kubectl exec all-gpus -n {NAMESPACE} -- nvidia-smi nvlink -s",
    )


@register(
    "01.machines",
    "You have read the captures of other machines",
    "An island is a group of GPUs joined by NVLink; a network card is near where the cell says PIX.",
)
def machines(answers: Mapping[str, Any]) -> Verdict:
    found = {file.stem: topology.read(file) for file in sorted(CAPTURES.glob("*.txt"))}
    whole = {name for name, each in found.items() if max(map(len, each.islands())) >= 4}
    h100 = found["dgx-h100"]
    cards = [name for name in h100.names if name.startswith("NIC")]
    right = {
        "four GPUs on NVLink": whole,
        "network card of GPU3": min(cards, key=lambda card: h100.distance("GPU3", card)),
    }
    given = dict(answers) | {"four GPUs on NVLink": set(answers.get("four GPUs on NVLink", ()))}
    wrong = [question for question, answer in right.items() if given.get(question) != answer]
    observed = f"{len(right) - len(wrong)} of {len(right)} answers right"
    return Verdict(not wrong, observed, "both right", f"Look again at: {', '.join(wrong)}")


@register(
    "01.placed",
    "Your placement keeps two-GPU jobs on near GPUs",
    "The nearest pair for the first job may leave a far one for the last: compare whole placements.",
)
def placed(place: Callable[[Topology, Sequence[str], int], Pairs]) -> Verdict:
    for name, numbers, jobs in EXAMPLES:
        machine, free = topology.read(CAPTURES / f"{name}.txt"), [f"GPU{number}" for number in numbers]
        pairs = [(one, other) for one, other in place(machine, free, jobs)]
        used = [gpu for pair in pairs for gpu in pair]
        case = f"{name}, free {' '.join(free)}, {jobs} jobs: {pairs}"
        if len(pairs) != jobs or len(set(used)) != 2 * jobs or not set(used) <= set(free):
            return Verdict(False, case, f"{jobs} pairs of different free GPUs", "Open hint 1")
        if _cost(machine, pairs) > (best := _best(machine, free, jobs))[0]:
            return Verdict(False, case, f"for example {best[1]}", "Open hint 2")
    return Verdict(True, f"{len(EXAMPLES)} of {len(EXAMPLES)} cases as near as possible", "", "")


def _cost(machine: Topology, pairs: Pairs) -> list[tuple[int, int]]:
    """Distances, the farthest first: the slowest job counts most."""
    return sorted((machine.distance(*pair) for pair in pairs), reverse=True)


def _best(machine: Topology, free: Sequence[str], jobs: int) -> tuple[list[tuple[int, int]], Pairs]:
    """The least cost of all ways to place so many jobs, and one way that has it."""
    ways = combinations(combinations(free, 2), jobs)
    apart = (pairs for pairs in ways if len({gpu for pair in pairs for gpu in pair}) == 2 * jobs)
    return min((_cost(machine, pairs), pairs) for pairs in apart)


@register(
    "01.neighbours",
    "The pair has NVLink",
    "The pod gets two of the GPUs that are free; if none of these are joined, the link is SYS.",
)
def neighbours() -> Verdict:
    return _joined()


@register(
    "01.repaired",
    "The pair has NVLink again",
    "A single job has to move: the one whose neighbour is free. Then make the pair anew.",
)
def repaired() -> Verdict:
    return _joined()


def _joined() -> Verdict:
    """How the two GPUs of the pod `pair` are joined."""
    machine = _machine("pair")
    link = machine.links[machine.pairs[0]] if machine.pairs else "one GPU"
    return Verdict(
        link.startswith("NV"),
        f"link {link}",
        "an NVLink",
        "kubectl exec pair -n topology -- nvidia-smi topo -m",
    )


@register(
    "01.clean",
    "Nothing of this lesson remains",
    "A namespace takes all that is in it along when it is deleted; GPUs are free when its pods have ended.",
)
def clean() -> Verdict:
    left = cluster.exists("namespace", NAMESPACE)
    state = f"namespace {NAMESPACE}" if left else f"no namespace {NAMESPACE}, its GPUs are free"
    return Verdict(not left, state, f"no namespace {NAMESPACE}", f"kubectl delete namespace {NAMESPACE}")
