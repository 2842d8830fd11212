"""The annotation in which ``kubectl apply`` without ``--server-side`` keeps what it applied.

Whoever changes to ``--server-side`` must not have conflicts with the past: fields that the annotation names, and that
still are as it says, may be taken by the manager ``kubectl``. Its applies keep an existing annotation up to date, so
that going back works as well. Source: managedfields/internal/lastapplied{manager,updater}.go.
"""

from __future__ import annotations

import json
from typing import Any

import orjson

from raglab.pocket.fields import judging, sets
from raglab.pocket.fields.atoms import Mapping
from raglab.pocket.fields.comparing import compare, consists_of
from raglab.pocket.fields.sets import Fields
from raglab.pocket.kinds.catalogue import Object

ANNOTATION = "kubectl.kubernetes.io/last-applied-configuration"
KUBECTL = "kubectl"
"""The manager for whom this is done; ``--field-manager`` with any other name opts out."""


def claimable(view: Mapping, live: Object, manager: str) -> Fields | None:
    """Fields that may be taken from others without force."""
    last = _last(live) if manager == KUBECTL else None
    if last is None or last.get("apiVersion") != live["apiVersion"] or any(judging.faults(last, view)):
        return None
    return sets.difference(consists_of(last, view), compare(last, live, view).touched)


def _last(live: Object) -> Object | None:
    try:
        found: Any = orjson.loads(live["metadata"]["annotations"][ANNOTATION])
    except (KeyError, TypeError, orjson.JSONDecodeError):
        return None
    return found if isinstance(found, dict) else None


def synchronised(obj: Object, config: Object, manager: str) -> Object:
    """`obj` with the annotation telling `config`, if it has the annotation and `kubectl` applied."""
    meta = obj["metadata"]
    annotations = meta.get("annotations") or {}
    if manager != KUBECTL or not annotations.get(ANNOTATION):
        return obj
    return obj | {"metadata": meta | {"annotations": annotations | {ANNOTATION: _text(config)}}}


def _text(config: Object) -> str:
    """As Go encodes it: sorted, with the characters escaped that mean something in HTML, and a newline."""
    meta = config["metadata"]
    if ANNOTATION in (meta.get("annotations") or {}):
        others = {key: value for key, value in meta["annotations"].items() if key != ANNOTATION}
        config = config | {"metadata": meta | {"annotations": others}}
    text = json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text + "\n"
