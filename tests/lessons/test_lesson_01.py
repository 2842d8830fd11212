"""The checks of lesson 01 that judge a learner's answer: right ones pass, wrong ones are told what is better."""

from __future__ import annotations

import pandas as pd
import pytest

from raglab.gpus import topology
from raglab.lesson import cluster
from raglab.lesson.checks import lesson_01
from raglab.lesson.links import describe, picture

OURS = topology.read(lesson_01.CAPTURES / "azure-nc96ads-a100-v4.txt")


@pytest.fixture
def pod(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What `nvidia-smi topo -m` prints in the pod."""
    said = {"text": topology.render(OURS)}
    monkeypatch.setattr(cluster, "kubectl", lambda *arguments, **more: said["text"])
    return said


def table(**changes: str) -> pd.DataFrame:
    names = list(OURS.gpus)
    rows = [["X" if a == b else OURS.links[a, b] for b in names] for a in names]
    found = pd.DataFrame(rows, index=names, columns=names)
    for name, link in changes.items():
        found.loc[tuple(name.split("_"))] = link
    return found


def greedy(machine, free, jobs):
    return [(free[2 * job], free[2 * job + 1]) for job in range(jobs)]


def careful(machine, free, jobs):
    return lesson_01._best(machine, free, jobs)[1]


def test_the_pod_must_see_every_gpu(pod: dict[str, str]) -> None:
    assert lesson_01.all_gpus().passed
    pod["text"] = "\tGPU0\tCPU Affinity\tNUMA Affinity\nGPU0\t X \t0-23\t0\n"
    assert lesson_01.all_gpus().observed == "1 GPUs"
    pod["text"] = "No devices were found"
    with pytest.raises(cluster.ClusterError, match="no line with the devices"):
        lesson_01.all_gpus()


def test_a_table_with_a_wrong_link_fails(pod: dict[str, str]) -> None:
    assert lesson_01.matrix(table()).passed
    verdict = lesson_01.matrix(table(GPU0_GPU2="NV12"))
    assert (verdict.passed, verdict.observed) == (False, "5 of 6 pairs right")


@pytest.mark.parametrize(
    ("predicted", "right"),
    [
        ({("GPU0", "GPU1"): 300, ("GPU1", "GPU2"): 32}, True),
        ({("GPU0", "GPU1"): 600, ("GPU1", "GPU2"): 32}, False),
        ({("GPU0", "GPU1"): 300}, False),
        ({}, False),
    ],
)
def test_predictions(predicted: dict[tuple[str, str], float], right: bool) -> None:
    assert lesson_01.bandwidth(predicted).passed is right


def test_answers_about_machines() -> None:
    right = {"four GPUs on NVLink": ["dgx-h100", "aws-p4d", "dgx-a100"], "network card of GPU3": "NIC5"}
    assert lesson_01.machines(right).passed
    for question, answer in (("four GPUs on NVLink", ["dgx-h100"]), ("network card of GPU3", "NIC3")):
        verdict = lesson_01.machines(right | {question: answer})
        assert not verdict.passed and question in verdict.next
    assert not lesson_01.machines({}).passed


def test_placements() -> None:
    assert lesson_01.placed(careful).passed
    assert "for example" in lesson_01.placed(greedy).expected
    assert (
        "different free GPUs"
        in lesson_01.placed(lambda machine, free, jobs: [("GPU0", "GPU0")] * jobs).expected
    )


@pytest.mark.parametrize(("link", "right"), [("NV12", True), ("SYS", False)])
def test_the_pair_must_have_nvlink(pod: dict[str, str], link: str, right: bool) -> None:
    pod["text"] = f"\tGPU0\tGPU1\tCPU Affinity\nGPU0\t X \t{link}\t0-3\t0\nGPU1\t{link}\t X \t0-3\t0\n"
    assert lesson_01.repaired().passed is lesson_01.neighbours().passed is right


def test_machines_are_drawn_and_described() -> None:
    plot = picture(OURS, topology.read(lesson_01.CAPTURES / "pcie-8x4090.txt"))
    lines = [len(axes.lines) for axes in plot.axes]
    assert lines == [6, 28]
    assert describe(OURS) == "4 GPUs, 2 pairs by NV12 and 4 pairs by SYS"
