"""Waiting for pods to be ready again after the cluster was started: an old status must not pass for a new one."""

from __future__ import annotations

from typing import Any

import pytest

from raglab.lesson import cluster, settling
from raglab.lesson.waiting import GaveUp

EARLIER = {("default", "server"): frozenset({"c://1"})}


def pod(name: str, container: str, ready: str = "True") -> dict[str, Any]:
    """A pod whose times are all of one second."""
    statuses = [{"containerID": container, "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}]
    conditions = [{"type": "Ready", "status": ready, "lastTransitionTime": "2026-01-01T00:00:00Z"}]
    meta = {"name": name, "namespace": "default"}
    return {"metadata": meta, "status": {"containerStatuses": statuses, "conditions": conditions}}


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[list[dict[str, Any]]]:
    """What each look at the cluster finds; the last look lasts."""
    looks: list[list[dict[str, Any]]] = []
    monkeypatch.setattr(cluster, "items", lambda *_: looks.pop(0) if len(looks) > 1 else looks[0])
    monkeypatch.setattr(cluster, "last_event", lambda *_: "BackOff: it ends again and again")
    monkeypatch.setattr(settling, "INTERVAL", 0)
    return looks


def test_a_status_of_the_earlier_life_is_not_enough(seen) -> None:
    seen += [
        [pod("server", "c://1")],
        [pod("server", "c://1", "False")],
        [pod("server", "c://2", "False")],
        [pod("server", "c://2")],
    ]
    settling.wait(EARLIER)
    assert len(seen) == 1


def test_pods_that_are_gone_or_were_not_ready_are_not_waited_for(seen) -> None:
    seen += [[pod("other", "c://3", "False")]]
    settling.wait(EARLIER)


def test_it_gives_up_with_the_last_event_and_where_to_look(seen, monkeypatch) -> None:
    monkeypatch.setattr(settling, "LIMIT", 0)
    seen += [[pod("server", "c://1")]]
    with pytest.raises(GaveUp, match=r"again and again\. Look: kubectl describe pod server"):
        settling.wait(EARLIER)
