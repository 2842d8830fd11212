"""Indexed Jobs: every pod has a number, and each number has to succeed once.

Source: https://kubernetes.io/docs/concepts/workloads/controllers/job/#completion-mode.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from raglab.pocket.client import Object
from raglab.pocket.objects import annotations_of

INDEX = "batch.kubernetes.io/job-completion-index"
"""Annotation and label of the pods."""
VARIABLE = "JOB_COMPLETION_INDEX"


def is_indexed(job: Object) -> bool:
    """Whether the pods of a Job have numbers."""
    return job["spec"].get("completionMode") == "Indexed"


def index_of(pod: Object) -> int | None:
    """The pod's number, None if it has none."""
    text = annotations_of(pod).get(INDEX, "")
    return int(text) if text.isascii() and text.isdigit() else None


def read(text: str) -> set[int]:
    """Numbers as a status lists them: ``0,3-5,8``."""
    found: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return found


def write(indexes: Iterable[int]) -> str:
    """Numbers in the form of a status: runs of three and more as ``first-last``."""
    runs = [
        [index for _, index in run]
        for _, run in groupby(enumerate(sorted(indexes)), lambda item: item[1] - item[0])
    ]
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs)


def missing(completions: int, taken: set[int | None]) -> Iterator[int]:
    """The numbers that nobody has or had, the smallest first."""
    return (index for index in range(completions) if index not in taken)


def numbered(pod: Object, job: Object, index: int) -> Object:
    """A new pod of a Job with its number: in its name, its host name, its labels and the environment."""
    meta, name = pod["metadata"], job["metadata"]["name"]
    number = {INDEX: str(index)}
    metadata = meta | {
        "generateName": f"{name}-{index}-",
        "labels": meta["labels"] | number,
        "annotations": (meta.get("annotations") or {}) | number,
    }
    spec = pod["spec"] | {
        key: [_told(container) for container in pod["spec"][key]]
        for key in ("initContainers", "containers")
        if pod["spec"].get(key)
    }
    return pod | {"metadata": metadata, "spec": spec | {"hostname": f"{name}-{index}"}}


def _told(container: Object) -> Object:
    variables = container.get("env") or []
    if any(item["name"] == VARIABLE for item in variables):
        return container
    source = {"fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.labels['{INDEX}']"}}
    return container | {"env": [*variables, {"name": VARIABLE, "valueFrom": source}]}
