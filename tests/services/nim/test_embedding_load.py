"""The embedding stand-in under load and at its end: fairness, memory, overload, SIGTERM."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx

from tests.services.nim.conftest import Nim
from tests.services.nim.test_llm_load import IMPATIENT, eventually
from tests.services.nim.test_llm_metrics import value

PATH = "/v1/embeddings"
LONG = "word " * 500
Start = Callable[..., Nim]


def passages(count: int, text: str = LONG) -> dict[str, object]:
    return {"model": "NV-Embed-QA", "input": [text] * count, "input_type": "passage"}


QUERY = {"model": "NV-Embed-QA", "input": "how are pods restarted?", "input_type": "query"}


def test_a_query_is_answered_during_an_upload(embedding: Nim):
    with embedding.client() as client, ThreadPoolExecutor(1) as pool:
        upload = pool.submit(client.post, PATH, json=passages(40))
        eventually(lambda: value(embedding, "num_requests_running") == 1)
        for _ in range(3):
            assert client.post(PATH, json=QUERY).status_code == 200
            assert client.get("/v1/health/ready").status_code == 200
        assert not upload.done(), "the query had to wait for the whole upload"
        assert len(upload.result().json()["data"]) == 40


def test_memory_is_bounded_whatever_is_asked(start: Start):
    nim = start("embedding")
    with nim.client() as client:
        client.post(PATH, json=passages(16)).raise_for_status()
        client.post(PATH, json=passages(600, "short")).raise_for_status()
        endless = {"input": ["x" * 2_000_000, "a b " * 1_000_000], "truncate": "END"}
        client.post(PATH, json=QUERY | endless).raise_for_status()
    status = Path(f"/proc/{nim.process.pid}/status").read_text()
    peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
    assert peak <= 500, f"{peak:.0f} MB"


def test_overload_is_503_with_retry_after(start: Start):
    nim = start("embedding", RAGLAB_MAX_WAITING="1")
    with nim.client() as client, ThreadPoolExecutor(2) as pool:
        uploads = [pool.submit(client.post, PATH, json=passages(20)) for _ in range(2)]
        eventually(lambda: value(nim, "num_requests_waiting") == 1)
        refused = client.post(PATH, json=QUERY)
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert [upload.result().status_code for upload in uploads] == [200, 200]


def test_an_abandoned_upload_stops(start: Start):
    nim = start("embedding")
    with nim.client() as client:
        try:
            client.post(PATH, json=passages(500), timeout=IMPATIENT)
            raise AssertionError("the upload should have taken longer")
        except httpx.ReadTimeout:
            pass
        eventually(lambda: value(nim, "num_requests_running") == 0)
        assert value(nim, "prompt_tokens_total") == 0, "the upload was worked on to its end"
        busy = value(nim, "raglab_busy_seconds_total")
        assert value(nim, "raglab_busy_seconds_total") == busy


def test_sigterm_lets_an_upload_end_whole(start: Start):
    nim = start("embedding", RAGLAB_DRAIN_SECONDS="100")
    with nim.client() as client, ThreadPoolExecutor(1) as pool:
        upload = pool.submit(client.post, PATH, json=passages(30))
        eventually(lambda: value(nim, "num_requests_running") == 1)
        nim.process.terminate()
        assert len(upload.result().json()["data"]) == 30
    assert nim.process.wait(60) == 0


def test_the_drain_time_is_a_limit(start: Start):
    nim = start("embedding", RAGLAB_DRAIN_SECONDS="1")
    with nim.client() as client, ThreadPoolExecutor(1) as pool:
        upload = pool.submit(client.post, PATH, json=passages(400))
        eventually(lambda: value(nim, "num_requests_running") == 1)
        nim.process.terminate()
        assert upload.result().status_code == 503
        assert nim.process.wait(60) == 0
