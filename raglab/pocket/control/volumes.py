"""Which volume suits which claim."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from raglab.pocket.client import Object
from raglab.pocket.kinds.quantity import parse
from raglab.pocket.objects import annotations_of, is_deleting, labels_of, selects

BIND_COMPLETED, BY_CONTROLLER = "pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"
PROVISIONERS = ("volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner")
"""Annotations of a claim: who is asked to make a volume for it (today's name and the older one)."""
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"


def is_meant_for(volume: Object, claim: Object) -> bool:
    """The volume is reserved for this very claim, or for whichever claim comes with its name."""
    ref, meta = volume["spec"].get("claimRef"), claim["metadata"]
    if ref is None or (ref.get("namespace"), ref.get("name")) != (meta["namespace"], meta["name"]):
        return False
    return ref.get("uid", meta["uid"]) == meta["uid"]


def suits(volume: Object, claim: Object) -> bool:
    """Class, mode, access modes, size and labels are what the claim asks for."""
    offer, wish = volume["spec"], claim["spec"]
    return (
        not is_deleting(volume)
        and offer.get("storageClassName", "") == wish.get("storageClassName", "")
        and offer.get("volumeMode", "Filesystem") == wish.get("volumeMode", "Filesystem")
        and set(wish.get("accessModes", ())) <= set(offer.get("accessModes", ()))
        and _size(volume) >= parse(wish["resources"]["requests"]["storage"])
        and ("selector" not in wish or selects(wish["selector"], labels_of(volume)))
    )


def choose(volumes: Iterable[Object], claim: Object) -> Object | None:
    """A volume reserved for the claim, else the smallest free one that suits it, the eldest of equals; or None."""
    fitting = [volume for volume in volumes if suits(volume, claim)]
    reserved = [volume for volume in fitting if is_meant_for(volume, claim)]
    free = [volume for volume in fitting if "claimRef" not in volume["spec"]]
    return min(reserved or free, key=lambda volume: (_size(volume), _born(volume)), default=None)


def _born(volume: Object) -> str:
    created: str = volume["metadata"]["creationTimestamp"]
    return created


def _size(volume: Object) -> Fraction:
    return parse(volume["spec"]["capacity"]["storage"])


def default_class(classes: Iterable[Object]) -> str:
    """Name of the StorageClass for claims that name none; the newest if several are marked; "" if none is."""
    marked = [item for item in classes if annotations_of(item).get(DEFAULT_CLASS) == "true"]
    newest = max(marked, key=lambda item: item["metadata"]["creationTimestamp"], default=None)
    return newest["metadata"]["name"] if newest else ""
