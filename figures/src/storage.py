"""Where the bytes are: from a pod's mount to a claim, a volume and a folder, read from the files learners apply."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import yaml
from drawing import APPLICATION, NIM, OBJECT, YOURS, Drawing, Kind

from raglab import paths

STORAGE = paths.CHECKOUT / "kubernetes-config" / "storage"
PODS: dict[str, tuple[str, Kind]] = {
    "nemollm-inference": ("/model-store", NIM),
    "nemollm-embedding": ("/model-store", NIM),
    "pgvector": ("/var/lib/postgresql/data", APPLICATION),
}
"""Where the charts mount each claim."""
DESCRIPTION = (
    "Three rows, one for each StatefulSet: nemollm-inference, nemollm-embedding, pgvector. In each, from left to "
    "right: the pod mounts a claim, the claim is bound to a volume, the volume is a folder on the node, where the "
    "bytes are. On the pocket cluster only pgvector writes there: the stand-ins bring their models with the image. "
    "Below stands what happens when something is deleted: a new pod of the same name mounts the same claim; a claim "
    "goes with its namespace; volume and folder stay, because the volume's policy is Retain."
)
COLUMNS = (
    (15, 195, "pod of a StatefulSet"),
    (240, 215, "claim (PVC)"),
    (485, 205, "volume (PV)"),
    (720, 205, "folder on the node"),
)
FATES = (
    ("a new one of the same name", "mounts the same claim"),
    ("goes with its namespace,", "or when you delete it"),
    ("stays, as Released:", "its policy is Retain"),
    ("stays with its bytes", "until somebody removes it"),
)


@dataclass(frozen=True)
class Volume:
    """A claim with the volume it names."""

    claim: str
    name: str
    size: str
    storage_class: str
    folder: str


def volumes() -> dict[str, Volume]:
    """The claims and volumes of ``kubernetes-config/storage`` by the StatefulSet that mounts them."""
    known = {one["metadata"]["name"]: one["spec"] for one in _documents("pv.yaml")}
    found = {}
    for claim in _documents("pvc.yaml"):
        name, volume = claim["metadata"]["name"], claim["spec"]["volumeName"]
        spec = known[volume]
        size, folder = spec["capacity"]["storage"], spec["hostPath"]["path"]
        found[name.removesuffix("-pvc")] = Volume(name, volume, size, spec["storageClassName"], folder)
    return found


def _documents(file: str) -> list[dict]:
    return list(yaml.safe_load_all((STORAGE / file).read_text()))


def draw() -> Drawing:
    """Pods, claims, volumes and folders as columns, and what outlives what below."""
    d = Drawing(940, 350, "Where the bytes are", DESCRIPTION)
    for x, width, heading in COLUMNS:
        d.text(x + width / 2, 28, heading)
    for row, (name, volume) in enumerate(volumes().items()):
        _row(d, 42 + 72 * row, name, volume)
    d.frame((15, 268), (910, 76), "When it is deleted:")
    for (x, width, _), lines in zip(COLUMNS, FATES, strict=True):
        for number, line in enumerate(lines):
            d.text(x + width / 2, 312 + 17 * number, line, "")
    return d


def _row(d: Drawing, y: float, name: str, volume: Volume) -> None:
    mount, kind = PODS[name]
    boxes = (
        ([f"{name}-0", mount], kind),
        ([volume.claim, f"asks for {volume.size}"], OBJECT),
        ([volume.name, f"{volume.size}, class {volume.storage_class}"], OBJECT),
        (["folder", volume.folder], YOURS),
    )
    for (x, width, _), (lines, look) in zip(COLUMNS, boxes, strict=True):
        d.box((x, y), (width, 56), lines, look)
    for (x, width, _), (after, _, _) in pairwise(COLUMNS):
        d.arrow([(x + width, y + 28), (after - 2, y + 28)])
