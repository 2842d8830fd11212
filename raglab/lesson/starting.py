"""`start`: bring the cluster to the state a lesson begins with, from wherever it is."""

from __future__ import annotations

import json
import os

from raglab.lesson import cluster, manifest, preparing, progress, sections, settling
from raglab.lesson.live import LiveLine
from raglab.targets import Target, current


def start(number: str, fresh: bool = False) -> None:
    """Start lesson `number`: starts the cluster if needed and restores the state the lesson declares.

    Running it again in the same lesson changes nothing, so you can close the lid and come back;
    ``fresh=True`` goes back to the beginning of the lesson, and so does starting it again after its last check.
    What was there before is kept: ``undo("before")`` brings it back.
    """
    lesson, target = manifest.load()[number], current()
    with LiveLine() as line:
        line.show(f"lesson {number}: preparing the cluster")
        _bring_up(target)
        if fresh or not progress.within(number, last=lesson.checks[-1]):
            sections.begin(lesson, target)
            progress.enter(number)
    print(f"Lesson {number}: {lesson.title}\n{_facts(target)}")


def _bring_up(target: Target) -> None:
    """Start the cluster if needed, and wait for the pods that were ready when it ended."""
    awaited = target.awaited()
    target.up(lambda line: None)
    os.environ.update(target.environment())
    settling.wait(awaited)


def _facts(target: Target) -> str:
    versions = json.loads(cluster.kubectl("version", "-o", "json"))
    helm = cluster.run("helm", "version", "--template", "{{.Version}}")
    free, total = preparing.gpus()
    simulated = " (simulated)" if target.simulated else ""
    return (
        f"target      {target.name}{'; simulated: cluster node, GPUs, NIM models' if target.simulated else ''}\n"
        f"versions    Kubernetes {versions['serverVersion']['gitVersion']}, "
        f"kubectl {versions['clientVersion']['gitVersion']}, Helm {helm}\n"
        f"GPUs free   {free} of {total}{simulated}"
    )
