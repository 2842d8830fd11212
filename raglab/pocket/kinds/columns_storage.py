"""The columns of volumes, claims and storage classes."""

from __future__ import annotations

from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.cells import AGE, NAME, UNSET, Cell, Column, field, or_terminating, wide
from raglab.pocket.kinds.paths import get

_MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
_DEFAULT_CLASS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)


def _modes(path: str) -> Cell:
    def cell(obj: Object, now: float) -> str:
        given = get(obj, path) or ()
        return ",".join(short for mode, short in _MODES.items() if mode in given)

    return cell


def _claim(volume: Object, now: float) -> str:
    ref = get(volume, "spec.claimRef")
    return f"{ref.get('namespace', '')}/{ref.get('name', '')}" if ref else ""


VOLUME = [
    NAME,
    Column("Capacity", field("spec.capacity.storage")),
    Column("Access Modes", _modes("spec.accessModes")),
    Column("Reclaim Policy", field("spec.persistentVolumeReclaimPolicy")),
    Column("Status", or_terminating("status.phase")),
    Column("Claim", _claim),
    Column("StorageClass", field("spec.storageClassName")),
    Column("VolumeAttributesClass", field("spec.volumeAttributesClassName", UNSET)),
    Column("Reason", field("status.reason")),
    AGE,
    wide("VolumeMode", field("spec.volumeMode", UNSET)),
]


def _when_bound(cell: Cell) -> Cell:
    return lambda claim, now: cell(claim, now) if get(claim, "spec.volumeName") else ""


CLAIM = [
    NAME,
    Column("Status", or_terminating("status.phase")),
    Column("Volume", field("spec.volumeName")),
    Column("Capacity", _when_bound(field("status.capacity.storage"))),
    Column("Access Modes", _when_bound(_modes("status.accessModes"))),
    Column("StorageClass", field("spec.storageClassName")),
    Column("VolumeAttributesClass", field("spec.volumeAttributesClassName", UNSET)),
    AGE,
    wide("VolumeMode", field("spec.volumeMode", UNSET)),
]


def _class_name(obj: Object, now: float) -> str:
    marks = obj["metadata"].get("annotations") or {}
    default = any(marks.get(mark) == "true" for mark in _DEFAULT_CLASS)
    return f"{obj['metadata']['name']}{' (default)' if default else ''}"


STORAGE_CLASS = [
    Column("Name", _class_name, format="name"),
    Column("Provisioner", field("provisioner")),
    Column("ReclaimPolicy", field("reclaimPolicy", "Delete")),
    Column("VolumeBindingMode", field("volumeBindingMode", "Immediate")),
    Column("AllowVolumeExpansion", field("allowVolumeExpansion", False)),
    AGE,
]
