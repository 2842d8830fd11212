"""Streams, concurrency, metrics, and whatever schemathesis thinks of."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

from raglab.services.query_router.models import MAX_TEXT
from tests.services.conftest import Running

TEXT = "The brewery of the village makes a beer of {} and honey. Its {} cellar holds {} barrels. "


ENDED = "e2e_request_latency_seconds_count"
"""Counts the requests that got their whole answer."""


def book(sentences: int) -> bytes:
    return "".join(TEXT.format(n * 7, n * 11, n) for n in range(sentences)).encode()


async def test_pieces_are_whole_characters(router: Running) -> None:
    body = {
        "question": "Repeat exactly: héllö ñandú 漢字 🙂🙂🙂 ÄÖÜ",
        "context": "You repeat what you are told.",
        "use_knowledge_base": False,
        "num_tokens": 40,
    }
    async with (
        httpx.AsyncClient(timeout=60) as client,
        client.stream("POST", f"{router.url}/generate", json=body) as response,
    ):
        pieces = [piece async for piece in response.aiter_raw()]
    assert len(pieces) > 1
    assert "".join(piece.decode("utf-8") for piece in pieces)


async def test_searches_and_probes_answer_while_an_upload_runs(router: Running) -> None:
    async with httpx.AsyncClient(base_url=router.url, timeout=90) as client:
        files = {"file": ("book.txt", book(600))}
        running = asyncio.create_task(client.post("/uploadDocument", files=files))
        question = {"content": "How many barrels are there?"}
        answered = 0
        while not running.done():
            assert (await client.post("/documentSearch", json=question)).status_code == 200
            assert (await client.get("/health")).status_code == 200
            answered += not running.done()
        assert running.result().status_code == 200
    # an upload that blocks the others lets none of them through before its end
    assert answered > 3


async def test_readers_see_the_old_file_or_the_new_never_both(router: Running) -> None:
    async with httpx.AsyncClient(base_url=router.url, timeout=90) as client:

        async def put(colour: str) -> None:
            data = f"The dragon is {colour}. ".encode() + b"Filler sentence about nothing. " * 60
            assert (
                await client.post("/uploadDocument", files={"file": ("dragon.txt", data)})
            ).status_code == 200

        async def seen() -> set[str]:
            found = await client.post("/documentSearch", json={"content": "The dragon", "num_docs": 100})
            mine = [hit["content"] for hit in found.json() if hit["source"] == "dragon.txt"]
            return {colour for colour in ("green", "gold") if any(colour in text for text in mine)}

        await put("green")
        running = asyncio.create_task(put("gold"))
        views = [await seen()]
        while not running.done():
            views.append(await seen())
        views.append(await seen())
    assert all(len(view) == 1 for view in views)
    assert views[-1] == {"gold"}


async def test_a_client_that_leaves_ends_the_generation(router: Running, llm_nim: Running) -> None:
    body = {"question": "Tell a long story.", "context": "", "use_knowledge_base": False, "num_tokens": 1000}
    async with httpx.AsyncClient(timeout=60) as client:
        ended = await value(client, llm_nim, ENDED)
        async with client.stream("POST", f"{router.url}/generate", json=body) as response:
            async for _ in response.aiter_raw():
                break
        async with asyncio.timeout(60):
            while await value(client, llm_nim, "num_requests_running") > 0:
                continue
        assert await value(client, llm_nim, ENDED) == ended, "the model went on for a client that has gone"


async def value(client: httpx.AsyncClient, llm_nim: Running, series: str) -> float:
    text = (await client.get(f"{llm_nim.url}/metrics")).text
    line = next(line for line in text.splitlines() if line.startswith(series))
    return float(line.rpartition(" ")[2])


def test_metrics(router: Running) -> None:
    httpx.post(f"{router.url}/documentSearch", json={"content": "beer"}, timeout=30).raise_for_status()
    httpx.get(f"{router.url}/documents", timeout=30).raise_for_status()
    text = httpx.get(f"{router.url}/metrics", timeout=30).text
    for series in (
        'query_router_requests_total{method="/documentSearch",status="200"}',
        'query_router_request_duration_seconds_count{method="/documentSearch"}',
        'query_router_stage_duration_seconds_count{stage="NvidiaTextEmbedder"}',
        'query_router_stage_duration_seconds_count{stage="PgvectorEmbeddingRetriever"}',
        "query_router_documents ",
        "query_router_chunks ",
    ):
        assert series in text


def test_probes_are_not_in_the_log(router: Running) -> None:
    httpx.get(f"{router.url}/health", timeout=30).raise_for_status()
    assert "GET /health HTTP" not in router.output()


def test_documentation(router: Running) -> None:
    described = httpx.get(f"{router.url}/openapi.json", timeout=30).json()["components"]["schemas"]["Prompt"]
    assert "only** when `use_knowledge_base` is false" in described["properties"]["context"]["description"]


@pytest.mark.parametrize("path", ["/docs", "/redoc"])
def test_the_documentation_page_needs_no_network(router: Running, path: str) -> None:
    with httpx.Client(base_url=router.url, timeout=30) as client:
        page = client.get(path).text
        files = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert len(files) >= 2
        assert all(client.get(file).status_code == 200 for file in files if file.startswith("/"))
    assert not re.findall(r"(?:src|href|url)=?[\"'(]https?://", page)


@pytest.mark.parametrize("mode", list(GenerationMode))
@pytest.mark.timeout(300)
def test_no_input_makes_the_server_fail(router: Running, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_url(f"{router.url}/openapi.json")
    operations = [item.ok() for item in schema.get_all_operations()]
    assert len(operations) == 7
    for operation in operations:
        if mode is GenerationMode.NEGATIVE and operation.label in ("GET /documents", "GET /models"):
            continue  # they have no input
        send_examples(operation.as_strategy(generation_mode=mode))


def shortened(value: object) -> object:
    """Long prompts and answers take the model's time and prove nothing more; what is invalid stays invalid."""
    if isinstance(value, int) and 3 < value <= 1024:
        return 3
    return value[:300] if isinstance(value, str) and 300 < len(value) <= MAX_TEXT else value


def send_examples(cases: st.SearchStrategy[schemathesis.Case]) -> None:
    @settings(
        max_examples=10,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def send(case: schemathesis.Case) -> None:
        if isinstance(case.body, dict):
            case.body = {name: shortened(value) for name, value in case.body.items()}
        response = case.call(timeout=60)
        assert response.status_code < 500, (case.as_curl_command(), response.text)

    send()
