"""The LLM stand-in under load and at its end: queue, overload, abandoned requests, cache use, SIGTERM."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import httpx
import pytest

from tests.services.nim.conftest import Nim
from tests.services.nim.sse import chat
from tests.services.nim.test_llm_metrics import value

CHAT = "/v1/chat/completions"
LONG = {"ignore_eos": True, "max_tokens": 3000, "stream": True}
IMPATIENT = httpx.Timeout(60, read=0.5)
Start = Callable[..., Nim]


@contextmanager
def long_stream(nim: Nim) -> Iterator[Iterator[str]]:
    """A stream of some tens of seconds, of which the first line has arrived."""
    with nim.client() as client, client.stream("POST", CHAT, json=chat(**LONG)) as response:
        assert response.status_code == 200
        lines = response.iter_lines()
        next(lines)
        yield lines


def eventually(check: Callable[[], bool], seconds: float = 60) -> None:
    """Waits for a condition, bounded."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "the condition never came true"
        time.sleep(0.02)


def test_more_requests_than_slots_wait_and_all_get_their_answer(llm: Nim):
    request = chat("Tell me about rivers.", ignore_eos=True, max_tokens=12)
    with llm.client() as client, ThreadPoolExecutor(7) as pool:
        answers = [
            future.result() for future in [pool.submit(client.post, CHAT, json=request) for _ in range(7)]
        ]
    assert [answer.status_code for answer in answers] == [200] * 7
    assert all(answer.json()["usage"]["completion_tokens"] == 12 for answer in answers)
    assert value(llm, "num_requests_running") == value(llm, "num_requests_waiting") == 0


def test_an_abandoned_stream_frees_its_slot(start: Start):
    nim = start("llm", RAGLAB_SLOTS="1")
    with long_stream(nim):
        assert value(nim, "num_requests_running") == 1
        eventually(lambda: value(nim, "gpu_cache_usage_perc") > 0)
    eventually(lambda: value(nim, "num_requests_running") == 0)
    assert value(nim, "gpu_cache_usage_perc") == 0
    with nim.client() as client:
        assert client.post(CHAT, json=chat()).status_code == 200


def test_an_abandoned_prompt_frees_its_slot(start: Start):
    nim = start("llm", RAGLAB_SLOTS="1")
    with nim.client() as client, pytest.raises(httpx.ReadTimeout):
        client.post(CHAT, json=chat("word " * 3800), timeout=IMPATIENT)
    eventually(lambda: value(nim, "num_requests_running") == 0)
    assert value(nim, "prompt_tokens_total") == 0, "the prompt was read to its end"


async def test_overload_is_503_with_retry_after_and_health_stays(start: Start):
    nim = start("llm", RAGLAB_SLOTS="1", RAGLAB_MAX_WAITING="1")
    patient = httpx.AsyncClient(base_url=nim.url, timeout=100, trust_env=False)
    async with patient:
        with long_stream(nim), nim.client() as client:
            waiting = asyncio.create_task(patient.post(CHAT, json=chat()))
            await asyncio.to_thread(eventually, lambda: value(nim, "num_requests_waiting") == 1)
            refused = client.post(CHAT, json=chat())
            assert refused.status_code == 503
            assert 1 <= int(refused.headers["retry-after"]) <= 60
            assert refused.json()["error"]["code"] == "overloaded"
            assert client.get("/v1/health/ready").status_code == 200
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                await waiting
            await asyncio.to_thread(eventually, lambda: value(nim, "num_requests_waiting") == 0)


def test_sigterm_lets_a_stream_end_whole_and_accepts_no_connection(start: Start):
    nim = start("llm", RAGLAB_DRAIN_SECONDS="100")
    lines: list[str] = []
    begun = threading.Event()

    def read() -> None:
        request = chat(ignore_eos=True, max_tokens=600, stream=True)
        with nim.client() as client, client.stream("POST", CHAT, json=request) as response:
            for line in response.iter_lines():
                lines.append(line)
                begun.set()

    reader = threading.Thread(target=read)
    reader.start()
    assert begun.wait(60)
    nim.process.terminate()
    eventually(lambda: refuses_connections(nim))
    reader.join(90)
    assert nim.process.wait(60) == 0
    assert lines[-2] == "data: [DONE]"
    assert sum('"content":' in line for line in lines) >= 570


def refuses_connections(nim: Nim) -> bool:
    try:
        httpx.get(f"{nim.url}/v1/health/live", timeout=5, trust_env=False)
    except httpx.ConnectError:
        return True
    return False


def test_a_kept_connection_gets_its_answer_while_draining_and_is_sent_away(start: Start):
    nim = start("llm")
    with nim.client() as client:
        before = client.post(CHAT, json=chat())
        nim.process.terminate()
        eventually(lambda: refuses_connections(nim))
        after = client.post(CHAT, json=chat())
        with pytest.raises(httpx.ConnectError):
            client.post(CHAT, json=chat())
    assert (before.status_code, after.status_code) == (200, 200)
    assert (before.headers.get("connection"), after.headers["connection"]) == (None, "close")
    assert nim.process.wait(60) == 0


def test_health_tells_kept_connections_that_it_is_draining(start: Start):
    nim = start("llm")
    with nim.client() as client:
        client.get("/v1/health/ready")
        nim.process.terminate()
        eventually(lambda: refuses_connections(nim))
        assert client.get("/v1/health/ready").status_code == 503
    assert nim.process.wait(60) == 0


def test_an_idle_kept_connection_does_not_hold_up_the_end(start: Start):
    nim = start("llm", RAGLAB_DRAIN_SECONDS="3600")
    with nim.client() as client:
        client.get("/v1/health/ready")
        assert nim.stop() == 0


def test_the_drain_time_is_a_limit(start: Start):
    nim = start("llm", RAGLAB_DRAIN_SECONDS="1")
    with long_stream(nim) as lines:
        nim.process.terminate()
        rest = list(lines)
        assert nim.process.wait(60) == 0
    assert '"code":"draining"' in rest[-4]
    assert rest[-2] == "data: [DONE]"


def test_an_idle_stop_does_not_wait_and_leaves_nothing(start: Start):
    nim = start("llm", RAGLAB_DRAIN_SECONDS="3600")
    assert nim.stop() == 0
    assert not list(nim.log.parent.glob("llama-*"))


def test_without_models_it_says_what_to_do(start: Start, tmp_path):
    with pytest.raises(AssertionError, match="raglab setup"):
        start("llm", RAGLAB_MODELS=str(tmp_path))
