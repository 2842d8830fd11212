"""Every recorded scenario of a real autoscaler, decision by decision: see `replay`."""

import asyncio
import re

import pytest

from tests.unit.controllers.replay import DATA, SCENARIOS, Replay

SOON = 0.5
"""Seconds by which the time of a decision may differ from the recorded one; the next evaluation is 15 s away."""


def settled(text):
    """A message with the names of rival autoscalers in order: a real one lists them in any order."""
    return re.sub(r"\[(\S+/\S+ \S+)\]", lambda match: f"[{' '.join(sorted(match[1].split()))}]", text)


def same(seen, recorded):
    """The same things at about the same times."""
    assert [entry[1:] for entry in seen] == [entry[1:] for entry in recorded]
    assert [entry[0] for entry in seen] == pytest.approx([entry[0] for entry in recorded], abs=SOON)


@pytest.fixture(scope="module", params=SCENARIOS)
def replayed(request, tmp_path_factory, schemas):
    """A scenario that has been run."""
    replay = Replay(tmp_path_factory.mktemp("replay"), schemas, request.param)
    asyncio.run(replay.run())
    return replay


def test_every_evaluation_decides_as_recorded(replayed):
    recorded = replayed.scenario["rows"]
    assert len(replayed.rows) == len(recorded)
    for (time, _, pods, average, *decided), seen in zip(recorded, replayed.rows, strict=True):
        if average is not None:
            assert seen[:2] == [pods, round(average, 4)], f"{replayed.name} at {time}: other metric values"
        assert seen[2:] == decided, f"{replayed.name} at {time}"


def test_the_status_changes_as_recorded(replayed):
    recorded = [
        [
            time,
            *counts,
            [[*DATA["conditions"][index][:3], settled(DATA["conditions"][index][3])] for index in told],
        ]
        for time, *counts, told in replayed.scenario["statuses"]
    ]
    seen = [
        [*shown[:-1], [[*item[:3], settled(item[3])] for item in shown[-1]]] for shown in replayed.statuses
    ]
    if replayed.name == "ambiguous":  # the order of the rivals changed once: nothing else did
        recorded = recorded[:-1]
    same(seen, recorded)


def test_events_are_written_as_recorded(replayed):
    recorded, seen = replayed.scenario["events"], replayed.events
    if replayed.name == "ambiguous":
        assert {(reason, message) for _, reason, message, _ in seen} == {
            (reason, settled(message)) for _, reason, message, _ in recorded
        }
        return
    seen, later = seen[: len(recorded)], seen[len(recorded) :]
    same(seen, recorded)
    assert all(time > recorded[-1][0] - SOON for time, *_ in later), (
        "more than the recording has before its end"
    )
