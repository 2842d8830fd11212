"""Going on from a snapshot instead of the present state, without ever leaving a mixture of both.

The new state is laid out beside the present one and marked as whole; only then its parts take their places, which can
be done again after an interruption. What a snapshot says about running containers is put right meanwhile: they ran in
another life, but nothing has failed, so they start as if for the first time.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from raglab.pocket import snapshots
from raglab.pocket.client import Object
from raglab.pocket.files import write_private
from raglab.pocket.informer import Key, key_of
from raglab.pocket.objects import container_ids, is_deleting, is_ready
from raglab.pocket.store import Store

SHELF = "/pods"
DRAFT, WHOLE = "put-back", "put-back/whole"
SIDE_FILES = ("store.sqlite-wal", "store.sqlite-shm")
"""Parts of a database that is open or was not closed; the one laid out has been closed."""

Lives = dict[Key, frozenset[str]]
"""Pods by namespace and name, each with the IDs of its containers: every start of a container has another."""


def lay_out(snapshot: Path, state: Path, node: str) -> Lives:
    """Prepare to go on from `snapshot`; returns the pods that were ready. `node` is the one whose pods are in it.

    Versions go on from those of the present state, for clients may have seen them.
    """
    draft = state / DRAFT
    shutil.rmtree(draft, ignore_errors=True)
    snapshots.copy(snapshot, draft)
    store = Store(draft / "store.sqlite")
    try:
        pods = [record.object for record in store.records(SHELF)]
        store.skip_to(_newest_version(state))
        for pod in filter(None, (_unstarted(pod, node) for pod in pods)):
            store.put(SHELF, pod)
    finally:
        store.close()
    write_private(state / WHOLE, b"")
    return _ready(pods)


def put_back(state: Path) -> bool:
    """Let the state that was laid out take the place of the present one; False if there is none that is whole.

    The cluster must not run.
    """
    whole = (state / WHOLE).exists()
    if whole:
        for part in snapshots.PARTS:
            _move(state / DRAFT / part, state / part)
        for name in SIDE_FILES:
            (state / name).unlink(missing_ok=True)
    shutil.rmtree(state / DRAFT, ignore_errors=True)
    return whole


def ready_pods(state: Path) -> Lives:
    """The pods that were ready when the cluster ended, which it has."""
    store = Store(state / "store.sqlite")
    try:
        return _ready([record.object for record in store.records(SHELF)])
    finally:
        store.close()


def _ready(pods: list[Object]) -> Lives:
    """Those that are ready and are to stay."""
    staying = (pod for pod in pods if is_ready(pod) and not is_deleting(pod))
    return {key_of(pod): container_ids(pod) for pod in staying}


def _unstarted(pod: Object, node: str) -> Object | None:
    """The pod with its running containers waiting to start; None if it has none on this node."""
    statuses = pod.get("status", {}).get("containerStatuses") or []
    if pod["spec"].get("nodeName") != node or not any("running" in item["state"] for item in statuses):
        return None
    waiting = {"state": {"waiting": {"reason": "ContainerCreating"}}, "ready": False, "started": False}
    statuses = [item | waiting if "running" in item["state"] else item for item in statuses]
    return pod | {"status": pod["status"] | {"containerStatuses": statuses}}


def _newest_version(state: Path) -> int:
    try:
        return int((state / "store.sqlite-version").read_text())
    except (OSError, ValueError):
        return 0


def _move(new: Path, old: Path) -> None:
    """`new` replaces `old`, if it was not moved before an interruption already."""
    if new.exists():
        shutil.rmtree(old) if old.is_dir() else old.unlink(missing_ok=True)
        new.rename(old)
