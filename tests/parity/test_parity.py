"""No step of the recordings may differ from what real Kubernetes answered, unless ``states.yaml`` says why."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.parity import coverage
from tests.parity.__main__ import difference
from tests.parity.recordings import steps, transcripts
from tests.parity.replay import SCENES, Outcome, play

pytestmark = [pytest.mark.pocket, pytest.mark.slow, pytest.mark.timeout(900)]
TOGETHER = 3
"""Scenes at a time: most of a scene's time goes by in waiting."""


@pytest.fixture(scope="module")
def replays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[list[Outcome]]]]:
    """All scenes, being replayed side by side on a cluster each; the longest, which mostly waits, begins first."""

    def replay(scene: str, folder: Path) -> list[Outcome]:
        return list(play(scene, folder))

    with ThreadPoolExecutor(TOGETHER) as pool:
        yield {scene: pool.submit(replay, scene, tmp_path_factory.mktemp(scene)) for scene in SCENES}


@pytest.mark.parametrize("scene", SCENES)
def test_every_step_is_as_recorded_or_has_a_reason(replays: dict[str, Future[list[Outcome]]], scene: str):
    outcomes = replays[scene].result()
    assert len(outcomes) == sum(len(steps(transcript)) for transcript in SCENES[scene]["transcripts"])
    surprising = [outcome for outcome in outcomes if not outcome.equal and outcome.reason is None]
    assert not surprising, "\n".join(line for outcome in surprising for line in difference(outcome))


def test_every_recording_is_replayed():
    replayed = [transcript for scene in SCENES.values() for transcript in scene["transcripts"]]
    assert sorted(replayed) == transcripts()


def test_the_table_of_coverage_is_what_the_states_say():
    assert coverage.FILE.read_text() == coverage.render(coverage.written_on())
