"""PersistentVolumeClaim: finds a volume for it, or says why there is none.

Binding has two sides, written in this order: the volume names its claim, the claim names its volume. A
claim is Bound when both are there, so a stop in between is finished later and no volume is ever given to
two claims.
"""

from __future__ import annotations

from collections.abc import Iterable

from raglab.pocket.client import Object
from raglab.pocket.control.adoption import itself
from raglab.pocket.control.reconcile import Controller, Note, Plan, View
from raglab.pocket.control.volumes import (
    BIND_COMPLETED,
    BY_CONTROLLER,
    PROVISIONERS,
    choose,
    default_class,
    is_meant_for,
    suits,
)
from raglab.pocket.events import reference
from raglab.pocket.informer import Key, key_of
from raglab.pocket.objects import annotations_of, is_deleting, phase

RETRY = 15.0
"""Seconds between two looks at a claim that cannot be bound (the real binder's resync period)."""


def plan(view: View, key: Key, now: float) -> Plan:
    """Bind the claim, or report what it waits for."""
    result = Plan()
    claim = view["persistentvolumeclaims"].get(key[1], key[0])
    if claim is None or is_deleting(claim):
        return result
    if "storageClassName" not in claim["spec"] and (name := default_class(view["storageclasses"])):
        result.patch("persistentvolumeclaims", claim, {"spec": {"storageClassName": name}})
        return result
    chosen = claim["spec"].get("volumeName", "")
    if not chosen:
        _find(view, claim, result)
    elif (volume := view["persistentvolumes"].get(chosen)) is not None:
        _bind_to_chosen(volume, claim, result)
    else:
        _volume_missing(claim, result)
    return result


def _find(view: View, claim: Object, result: Plan) -> None:
    volume = choose(view["persistentvolumes"], claim)
    if volume is not None:
        _bind(volume, claim, result)
        return
    _pending(claim, result)
    _ask_provisioner(view, claim, result)
    result.look_again(RETRY)


def _bind_to_chosen(volume: Object, claim: Object, result: Plan) -> None:
    """The claim names a volume: its author's wish, or our own work half or wholly done."""
    free = "claimRef" not in volume["spec"]
    if is_meant_for(volume, claim) or (free and suits(volume, claim)):
        _bind(volume, claim, result)
        return
    _pending(claim, result)
    name = volume["metadata"]["name"]
    text = f'volume "{name}" already bound to a different claim.'
    if free:
        text = f'Cannot bind to requested volume "{name}": it does not have what the claim asks for'
    _say(claim, result, Note(claim, "VolumeMismatch" if free else "FailedBinding", text, "Warning"))


def _bind(volume: Object, claim: Object, result: Plan) -> None:
    by_us = {BY_CONTROLLER: "yes"}
    ref = volume["spec"].get("claimRef") or {}
    if ref.get("uid") != claim["metadata"]["uid"]:
        metadata = {"annotations": by_us} if not ref else {}
        result.patch(
            "persistentvolumes", volume, {"metadata": metadata, "spec": {"claimRef": reference(claim)}}
        )
    chosen = claim["spec"].get("volumeName", "")
    notes = {BIND_COMPLETED: "yes"} | (by_us if not chosen else {})
    if not chosen or not notes.items() <= annotations_of(claim).items():
        patch = {"metadata": {"annotations": notes}, "spec": {"volumeName": volume["metadata"]["name"]}}
        result.patch("persistentvolumeclaims", claim, patch)
    status = {
        "phase": "Bound",
        "accessModes": volume["spec"]["accessModes"],
        "capacity": volume["spec"]["capacity"],
    }
    if not status.items() <= claim.get("status", {}).items():
        result.patch("persistentvolumeclaims", claim, {"status": status}, subresource="status")


def _pending(claim: Object, result: Plan) -> None:
    if phase(claim) != "Pending":
        result.patch("persistentvolumeclaims", claim, {"status": {"phase": "Pending"}}, subresource="status")


def _volume_missing(claim: Object, result: Plan) -> None:
    if BIND_COMPLETED not in annotations_of(claim):
        _pending(claim, result)
    elif phase(claim) != "Lost":
        text = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
        result.note(Note(claim, "ClaimLost", text, "Warning"))
        result.patch("persistentvolumeclaims", claim, {"status": {"phase": "Lost"}}, subresource="status")


def _ask_provisioner(view: View, claim: Object, result: Plan) -> None:
    """Name the provisioner that is to make a volume in the claim's annotations, or say why nobody can."""
    name = claim["spec"].get("storageClassName", "")
    if not name:
        text = "no persistent volumes available for this claim and no storage class is set"
        return _say(claim, result, Note(claim, "FailedBinding", text))
    storage_class = view["storageclasses"].get(name)
    if storage_class is None:
        text = f'storageclass.storage.k8s.io "{name}" not found'
        return _say(claim, result, Note(claim, "ProvisioningFailed", text, "Warning"))
    provisioner = storage_class["provisioner"]
    wanted = dict.fromkeys(PROVISIONERS, provisioner)
    if not wanted.items() <= annotations_of(claim).items():
        result.patch("persistentvolumeclaims", claim, {"metadata": {"annotations": wanted}})
    text = (
        f"Waiting for a volume to be created either by the external provisioner '{provisioner}' or manually by "
        "the system administrator. If volume creation is delayed, please verify that the provisioner is running "
        "and correctly registered."
    )
    return _say(claim, result, Note(claim, "ExternalProvisioning", text))


def _say(claim: Object, result: Plan, note: Note) -> None:
    """Tell why the claim waits, once per look: a look that changes the claim leads to another one at once."""
    if not result.actions:
        result.note(note)


def _waiting_claims(view: View, changed: Object) -> Iterable[Key]:
    """A trigger: volumes and classes concern the claim they belong to and all that are not bound."""
    ref = changed.get("spec", {}).get("claimRef")
    if ref:
        yield ref.get("namespace", ""), ref["name"]
        return
    for claim in view["persistentvolumeclaims"]:
        if phase(claim) != "Bound":
            yield key_of(claim)


CONTROLLER = Controller(
    "persistentvolume-controller",
    plan,
    {
        "persistentvolumeclaims": itself,
        "persistentvolumes": _waiting_claims,
        "storageclasses": _waiting_claims,
    },
)
