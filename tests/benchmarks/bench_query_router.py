"""What the query-router adds to the work of the services behind it; prints ratios from one run.

    pytest -s tests/benchmarks/bench_query_router.py

* ``documentSearch`` p50 against one embedding call plus one SQL query (target: at most 10 ms more)
* upload of the course's PDF against the embedding service alone for the same chunks (target: at most 1.5 times)
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import httpx
import pytest

from raglab.lesson import evaluation
from raglab.paths import CHECKOUT
from raglab.services.query_router import extraction, splitting
from raglab.services.query_router.settings import Settings
from tests.services.conftest import Running, embedding_nim, llm_nim, models, service  # noqa: F401 (fixtures)
from tests.services.pgvector.conftest import Database, new_database  # noqa: F401
from tests.services.query_router.conftest import database, router, start_router  # noqa: F401

PDF = CHECKOUT / "data" / "documents" / "llama2_overview.pdf"
ROUNDS = 100
BATCH = Settings().embedding_batch


def p50(work: Callable[[], object]) -> float:
    """Median duration in milliseconds after a few rounds to warm up."""
    times = []
    for _ in range(ROUNDS + 5):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1000)
    return statistics.median(times[5:])


def embed(client: httpx.Client, texts: list[str], kind: str) -> list[list[float]]:
    body = {"model": "NV-Embed-QA", "input": texts, "input_type": kind, "truncate": "END"}
    response = client.post("/v1/embeddings", json=body).raise_for_status()
    return [item["embedding"] for item in response.json()["data"]]


@pytest.mark.timeout(600)
def test_upload_and_search(router: Running, embedding_nim: Running, database: Database) -> None:  # noqa: F811
    with (
        httpx.Client(base_url=router.url, timeout=120, trust_env=False) as to_router,
        httpx.Client(base_url=embedding_nim.url, timeout=120, trust_env=False) as to_embedder,
    ):
        upload(to_router, to_embedder)
        search(to_router, to_embedder, database)
        retrieval(to_router)


def upload(to_router: httpx.Client, to_embedder: httpx.Client) -> None:
    text = extraction.text_of(PDF.name, "", PDF.read_bytes())
    settings = Settings()
    pieces = splitting.chunks(text, settings.chunk_size, settings.chunk_overlap)
    chunks = [f"{PDF.name}\n{chunk.text}" for chunk in pieces]
    ratios, alone, whole = [], [], []
    for _ in range(5):  # in turn, so that both meet the same load of the machine
        started = time.perf_counter()
        for first in range(0, len(chunks), BATCH):
            embed(to_embedder, chunks[first : first + BATCH], "passage")
        alone.append(time.perf_counter() - started)
        started = time.perf_counter()
        to_router.post("/uploadDocument", files={"file": (PDF.name, PDF.read_bytes())}).raise_for_status()
        whole.append(time.perf_counter() - started)
        ratios.append(whole[-1] / alone[-1])
    print(
        f"\nupload of {PDF.name}: {text.count(chr(12)) + 1} pages, {len(chunks)} chunks: "
        f"{statistics.median(whole):.2f} s; embedding service alone {statistics.median(alone):.2f} s; "
        f"ratio {statistics.median(ratios):.2f} (target <= 1.5)"
    )


def search(to_router: httpx.Client, to_embedder: httpx.Client, database: Database) -> None:  # noqa: F811
    question = "Can you talk about safety evaluation of llama2 chat?"
    query = (
        'SELECT *, 1 - (embedding <=> %s::vector) AS score FROM "data_canonical-rag" '
        "ORDER BY embedding <=> %s::vector LIMIT 4"
    )
    vector = str(embed(to_embedder, [question], "query")[0])
    with database.connect() as connection:
        whole = p50(lambda: to_router.post("/documentSearch", json={"content": question}).raise_for_status())
        embedding = p50(lambda: embed(to_embedder, [question], "query"))
        sql = p50(lambda: connection.execute(query, [vector, vector]).fetchall())
    print(
        f"documentSearch p50 {whole:.1f} ms; embedding call {embedding:.1f} ms + SQL query {sql:.1f} ms; "
        f"added {whole - embedding - sql:.1f} ms (target <= 10)"
    )


def retrieval(to_router: httpx.Client) -> None:
    for path in sorted(PDF.parent.iterdir()):
        to_router.post("/uploadDocument", files={"file": (path.name, path.read_bytes())}).raise_for_status()

    def ask(question: str, number: int) -> list[dict[str, str]]:
        return to_router.post("/documentSearch", json={"content": question, "num_docs": number}).json()

    score = evaluation.evaluate(ask)
    print(f"retrieval over data/questions.jsonl: hit rate@4 {score.hit_rate:.2f}, MRR@4 {score.mrr:.3f}")
