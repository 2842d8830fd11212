"""Makes volumes for claims of the default class: folders on the node, as minikube's provisioner does."""

from __future__ import annotations

from collections.abc import Callable

from raglab.pocket.client import Object
from raglab.pocket.control.adoption import itself
from raglab.pocket.control.reconcile import Controller, Note, Plan, View
from raglab.pocket.control.volumes import PROVISIONED_BY, PROVISIONERS
from raglab.pocket.informer import Key
from raglab.pocket.objects import annotations_of, is_deleting, phase

NAME = "k8s.io/minikube-hostpath"
FOLDER = "/tmp/hostpath-provisioner"
"""On the node; below it ``<namespace>/<claim>``."""


def controller(erase: Callable[[str], None]) -> Controller:
    """`erase` removes a folder of the node's own file system, with what is in it."""

    def plan(view: View, key: Key, now: float) -> Plan:
        if key[0]:
            return _provide(view, key)
        return _withdraw(view, key, erase)

    return Controller(
        f"{NAME}_minikube", plan, {"persistentvolumeclaims": itself, "persistentvolumes": itself}
    )


def _provide(view: View, key: Key) -> Plan:
    """A volume for a claim that was assigned to this provisioner."""
    result = Plan()
    claim = view["persistentvolumeclaims"].get(key[1], key[0])
    if claim is None or is_deleting(claim) or claim["spec"].get("volumeName"):
        return result
    storage_class = view["storageclasses"].get(claim["spec"].get("storageClassName", ""))
    volume = f"pvc-{claim['metadata']['uid']}"
    assigned = annotations_of(claim).get(PROVISIONERS[0]) == NAME and storage_class is not None
    if not assigned or view["persistentvolumes"].get(volume) is not None:
        return result
    text = f'External provisioner is provisioning volume for claim "{key[0]}/{key[1]}"'
    result.note(Note(claim, "Provisioning", text))
    made = Note(claim, "ProvisioningSucceeded", f"Successfully provisioned volume {volume}")
    result.create("persistentvolumes", _volume(volume, claim, storage_class or {}), made)
    return result


def _volume(name: str, claim: Object, storage_class: Object) -> Object:
    meta, spec = claim["metadata"], claim["spec"]
    reference = {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    reference |= {key: meta[key] for key in ("namespace", "name", "uid", "resourceVersion")}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {PROVISIONED_BY: NAME}},
        "spec": {
            "accessModes": spec["accessModes"],
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "claimRef": reference,
            "hostPath": {"path": f"{FOLDER}/{meta['namespace']}/{meta['name']}", "type": ""},
            "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
            "storageClassName": spec["storageClassName"],
            "volumeMode": spec.get("volumeMode", "Filesystem"),
        },
    }


def _withdraw(view: View, key: Key, erase: Callable[[str], None]) -> Plan:
    """Delete a volume of ours, and its data, when its claim is gone and nobody asked to keep it."""
    result = Plan()
    volume = view["persistentvolumes"].get(key[1])
    if volume is None or is_deleting(volume) or annotations_of(volume).get(PROVISIONED_BY) != NAME:
        return result
    if phase(volume) == "Released" and volume["spec"]["persistentVolumeReclaimPolicy"] == "Delete":
        result.delete("persistentvolumes", volume)
        result.deeds.append(lambda: erase(volume["spec"]["hostPath"]["path"]))
    return result
