"""Volumes, claims and storage classes."""

from __future__ import annotations

from raglab.pocket.errors import forbidden
from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.causes import Causes
from raglab.pocket.kinds.differing import CLAIM, difference
from raglab.pocket.kinds.paths import get
from raglab.pocket.kinds.quantity import parse
from raglab.pocket.kinds.validation_pods import host_path

_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_NOT_SOURCES = {
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
}
_CLAIM_RULE = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName "
    "for bound claims"
)
_RESIZE_RULE = (
    "only dynamically provisioned pvc can be resized "
    "and the storageclass that provisions the pvc must support resize"
)


def volume(causes: Causes, obj: Object) -> None:
    """PersistentVolumes."""
    spec = obj["spec"]
    if not spec.get("accessModes"):
        causes.required("spec.accessModes")
    _modes(causes, spec)
    if not spec.get("capacity"):
        causes.required("spec.capacity")
    elif "storage" not in spec["capacity"] or len(spec["capacity"]) > 1:
        causes.unsupported("spec.capacity", spec["capacity"], ["storage"])
    elif parse(spec["capacity"]["storage"]) <= 0:
        causes.invalid("spec.capacity[storage]", spec["capacity"]["storage"], "must be greater than zero")
    policies = ("Delete", "Recycle", "Retain")
    causes.one_of("spec.persistentVolumeReclaimPolicy", spec.get("persistentVolumeReclaimPolicy"), policies)
    sources = _sources(spec)
    if not sources:
        causes.required("spec", "must specify a volume type")
    for extra in list(sources)[1:]:
        causes.forbidden(f"spec.{extra}", "may not specify more than 1 volume type")
    if "hostPath" in sources:
        host_path(causes, "spec.hostPath", spec["hostPath"])
    causes.one_of("spec.volumeMode", spec.get("volumeMode"), ("Block", "Filesystem"))


def _sources(spec: Object) -> Object:
    return {key: value for key, value in spec.items() if key not in _NOT_SOURCES}


def volume_update(causes: Causes, obj: Object, old: Object) -> None:
    """Where a volume's data lies does not change."""
    before, after = _sources(old["spec"]), _sources(obj["spec"])
    if before != after:
        rule = "spec.persistentvolumesource is immutable after creation"
        causes.forbidden("spec.persistentvolumesource", rule + difference(before, after))
    mode = obj["spec"].get("volumeMode")
    if mode != old["spec"].get("volumeMode"):
        causes.invalid("spec.volumeMode", mode, "field is immutable")


def _modes(causes: Causes, spec: Object) -> None:
    for mode in spec.get("accessModes") or ():
        causes.one_of("spec.accessModes", mode, _MODES)


def claim(causes: Causes, obj: Object) -> None:
    """PersistentVolumeClaims."""
    spec = obj["spec"]
    if not spec.get("accessModes"):
        causes.required("spec.accessModes", "at least 1 access mode is required")
    _modes(causes, spec)
    asked = get(spec, "resources.requests.storage")
    if asked is None:
        causes.required("spec.resources[storage]")
    elif parse(asked) <= 0:
        causes.invalid("spec.resources[storage]", asked, "must be greater than zero")
    causes.one_of("spec.volumeMode", spec.get("volumeMode"), ("Block", "Filesystem"))


def claim_update(causes: Causes, obj: Object, old: Object) -> None:
    """A claim may be bound; it may not grow here, nor shrink, nor change otherwise."""
    new, before = dict(obj["spec"]), dict(old["spec"])
    size, stored = get(new, "resources.requests.storage"), get(before, "resources.requests.storage")
    if size and stored and parse(size) > parse(stored):
        name = obj["metadata"]["name"]
        text = f'persistentvolumeclaims "{name}" is forbidden: {_RESIZE_RULE}'
        raise forbidden(text, "persistentvolumeclaims", "", name)
    if not before.get("volumeName"):
        new.pop("volumeName", None), before.pop("volumeName", None)
    if before.get("storageClassName") is None:
        new.pop("storageClassName", None)
    new.pop("resources", None), before.pop("resources", None)
    if new != before:
        size_aside = {"resources": old["spec"].get("resources", {})}
        causes.forbidden("spec", _CLAIM_RULE + difference(before | size_aside, new | size_aside, CLAIM))
    elif size and stored and parse(size) < parse(stored):
        causes.forbidden("spec.resources.requests.storage", "field can not be less than status.capacity")


def storage_class(causes: Causes, obj: Object) -> None:
    """StorageClasses."""
    if not obj.get("provisioner"):
        causes.required("provisioner")
    causes.one_of("reclaimPolicy", obj.get("reclaimPolicy"), ("Delete", "Retain"))
    causes.one_of("volumeBindingMode", obj.get("volumeBindingMode"), ("Immediate", "WaitForFirstConsumer"))


def storage_class_update(causes: Causes, obj: Object, old: Object) -> None:
    """A class is a promise to the claims that name it."""
    for field in ("parameters", "provisioner"):
        if obj.get(field) != old.get(field):
            causes.forbidden(field, f"updates to {field} are forbidden.")
    for field in ("reclaimPolicy", "volumeBindingMode"):
        if obj.get(field) != old.get(field):
            causes.invalid(field, obj.get(field), "field is immutable")
