"""PersistentVolume: its phase, from free to bound to released."""

from __future__ import annotations

from collections.abc import Iterable

from raglab.pocket.client import Object
from raglab.pocket.clock import timestamp
from raglab.pocket.control.adoption import itself
from raglab.pocket.control.reconcile import Controller, Note, Plan, View
from raglab.pocket.control.volumes import PROVISIONED_BY
from raglab.pocket.informer import Key
from raglab.pocket.objects import annotations_of, is_deleting, phase


def plan(view: View, key: Key, now: float) -> Plan:
    """Set the phase that follows from the claim; volumes of a gone claim stay as their reclaim policy says."""
    result = Plan()
    volume = view["persistentvolumes"].get(key[1])
    if volume is None or is_deleting(volume):
        return result
    target = _phase(view, volume)
    if target == "Released" and _cannot_be_deleted(volume):
        target = "Failed"
        if phase(volume) != "Failed":
            name = volume["metadata"]["name"]
            text = (
                f'error getting deleter volume plugin for volume "{name}": no deletable volume plugin matched'
            )
            result.note(Note(volume, "VolumeFailedDelete", text, "Warning"))
    if phase(volume) != target:
        status = {"phase": target, "lastPhaseTransitionTime": timestamp(now)}
        result.patch("persistentvolumes", volume, {"status": status}, subresource="status")
    return result


def _phase(view: View, volume: Object) -> str:
    ref = volume["spec"].get("claimRef") or {}
    if not ref.get("uid"):
        return "Available"
    claim = view["persistentvolumeclaims"].by_uid(ref["uid"])
    if claim is None:
        return "Released"
    bound = claim["spec"].get("volumeName") == volume["metadata"]["name"]
    return "Bound" if bound else phase(volume) or "Available"


def _cannot_be_deleted(volume: Object) -> bool:
    """Asked to be deleted with its claim, but made by hand: nobody knows how to delete its data."""
    policy = volume["spec"].get("persistentVolumeReclaimPolicy", "Retain")
    return policy == "Delete" and PROVISIONED_BY not in annotations_of(volume)


def _volume_of(view: View, claim: Object) -> Iterable[Key]:
    name = claim["spec"].get("volumeName", "")
    return [("", name)] if name else []


CONTROLLER = Controller(
    "persistentvolume-controller",
    plan,
    {"persistentvolumes": itself, "persistentvolumeclaims": _volume_of},
)
