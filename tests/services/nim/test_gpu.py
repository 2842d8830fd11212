"""A stand-in on a simulated GPU publishes what it really does: its own busy time, and the memory it really has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from raglab.gpus import inventory, usage
from tests.services.nim.conftest import Nim
from tests.services.nim.test_llm_metrics import value

UUID = inventory.load().uuids[1]


def test_busy_time_and_memory_are_published(start: Callable[..., Nim], tmp_path: Path) -> None:
    nim = start("embedding", **{usage.DEVICES: UUID, usage.FOLDER: str(tmp_path)})
    (before,) = usage.read(tmp_path)
    assert (before.uuid, before.program, before.busy) == (UUID, "raglab.services.nim.embedding", 0.0)
    assert 2**30 < before.memory < inventory.load().memory
    with nim.client() as client:
        text = "Pods hold devices. " * 60
        body = {"model": "NV-Embed-QA", "input": [text] * 4, "input_type": "passage"}
        client.post("/v1/embeddings", json=body).raise_for_status()
    (after,) = usage.read(tmp_path)
    assert after.busy > 0
    assert abs(after.busy - value(nim, "raglab_busy_seconds_total")) < 1e-6
    assert nim.stop() == 0
    assert [process.alive for process in usage.read(tmp_path)] == [False]
