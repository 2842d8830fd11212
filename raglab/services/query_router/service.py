"""The three methods behind HTTP: what runs where.

Pipelines that talk to the database run in threads, so the event loop stays free: searches in one set, uploads
in a smaller one of their own. Answers are streamed by Haystack's asynchronous pipeline; a client that leaves
ends the generation, which frees the model for others.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx
import psycopg
from haystack import Document
from haystack.core.pipeline.pipeline import PipelineStreamHandle
from haystack.dataclasses import ByteStream
from haystack.document_stores.errors import DocumentStoreError

from raglab.services.query_router import extraction, pipelines, prompts
from raglab.services.query_router.errors import ApiError, from_failure
from raglab.services.query_router.library import File, Library
from raglab.services.query_router.metrics import Metrics
from raglab.services.query_router.pool import Pool
from raglab.services.query_router.settings import DATABASE, EMBEDDING, LLM, Settings

logger = logging.getLogger(__name__)
Result = TypeVar("Result")

SEARCH_THREADS = 8
INDEX_THREADS = 2
CUT_OFF = "\n\n[The answer ends here: {reason}]\n"


class Service:
    """One query-router: pipelines, their threads, and the library of documents."""

    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        settings.export()
        self.settings = settings
        self.metrics = metrics
        self.library = Library(settings)
        self._templates = prompts.templates(settings)
        self._indexing = Pool(lambda: pipelines.indexing(settings))
        self._retrieval = Pool(lambda: pipelines.retrieval(settings))
        self._generation = pipelines.generation(settings)
        self._index_threads = ThreadPoolExecutor(INDEX_THREADS, "index")
        self._search_threads = ThreadPoolExecutor(SEARCH_THREADS, "search")

    async def upload(self, filename: str, content_type: str, data: bytes) -> int:
        """Index a file in place of an earlier one of its name; returns its number of chunks."""
        name = extraction.safe_name(filename)
        extraction.format_of(name, content_type)  # answer 415 before waiting for a thread
        source = ByteStream(data, meta={"filename": name}, mime_type=content_type)

        def work() -> int:
            self.library.ensure_table()
            with self._indexing.lend() as pipeline:
                result = pipeline.run({"reader": {"source": source}})
            return int(result["writer"]["documents_written"])

        chunks = await self._in_thread(self._index_threads, work)
        logger.info("Indexed %s: %d chunks", name, chunks)
        await self.documents()
        return chunks

    async def search(self, content: str, num_docs: int) -> list[Document]:
        """The passages nearest to a text, best first."""

        def work() -> list[Document]:
            self.library.ensure_table()
            with self._retrieval.lend() as pipeline:
                result = pipeline.run({"embedder": {"text": content}, "retriever": {"top_k": num_docs}})
            return list(result["retriever"]["documents"])

        return await self._in_thread(self._search_threads, work)

    async def generate(
        self, question: str, context: str, use_knowledge_base: bool, num_tokens: int
    ) -> AsyncIterator[str]:
        """The pieces of an answer. Failures before the first piece raise ApiError here, not while iterating."""
        started = time.perf_counter()
        found = await self.search(question, self.settings.top_k) if use_knowledge_base else []
        template = self._templates["rag" if use_knowledge_base else "chat"]
        data: dict[str, Any] = {
            "budget": {"documents": found},
            "prompt": {"question": question, "context": context, "template": template},
            "llm": {"generation_kwargs": {"max_tokens": num_tokens}},
        }
        pieces = _pieces(self._generation.stream(data))
        try:
            first = await anext(pieces, "")
        except Exception as error:
            raise from_failure(error) or error from error
        self.metrics.first_piece.observe(time.perf_counter() - started)
        return _continued(first, pieces)

    async def documents(self) -> list[File]:
        """The files of the knowledge base; also refreshes the two gauges."""

        def work() -> list[File]:
            self.library.ensure_table()
            return self.library.files()

        files = await self._in_thread(self._search_threads, work)
        self.metrics.documents.set(len(files))
        self.metrics.chunks.set(sum(file.chunks for file in files))
        return files

    async def delete(self, filename: str) -> int:
        """Remove a file; returns its number of chunks. Raises ApiError 404."""

        def work() -> int:
            self.library.ensure_table()
            return self.library.delete(filename)

        known = {file.filename for file in await self.documents()}
        chunks = await self._in_thread(self._search_threads, work) if filename in known else 0
        if not chunks:
            raise ApiError(404, "There is no document of this name; GET /documents lists them.")
        await self.documents()
        return chunks

    async def problems(self) -> dict[str, str]:
        """Services that do not answer, with the reason; empty when all do."""
        checks = {
            DATABASE: self._in_thread(self._search_threads, self.library.ping),
            EMBEDDING: _ready(self.settings.embedding_api),
            LLM: _ready(self.settings.llm_api),
        }
        results = await asyncio.gather(*checks.values(), return_exceptions=True)
        return {name: str(result) for name, result in zip(checks, results, strict=True) if result is not None}

    async def prepare(self, pause: float = 2.0) -> None:
        """Make the table as soon as the database answers; pods start in any order."""
        while True:
            try:
                await self.documents()
                return
            except ApiError as error:
                logger.warning("%s", error.message)
                await asyncio.sleep(pause)

    def close(self) -> None:
        """Close connections and threads."""
        for threads in (self._index_threads, self._search_threads):
            threads.shutdown(wait=False, cancel_futures=True)
        for pool in (self._indexing, self._retrieval):
            pool.close()

    async def _in_thread(self, threads: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, work)
        except Exception as error:
            if isinstance(error.__cause__ or error, psycopg.Error | DocumentStoreError):
                self.library.forget_table()
            raise from_failure(error) or error from error


async def _pieces(handle: PipelineStreamHandle) -> AsyncIterator[str]:
    async for chunk in handle:
        if chunk.content:
            yield chunk.content


async def _continued(first: str, rest: AsyncIterator[str]) -> AsyncIterator[str]:
    """All pieces; a failure in the middle ends the text with a line that says so, for the status is long
    sent.
    """
    yield first
    try:
        async for piece in rest:
            yield piece
    except Exception as error:
        failure = from_failure(error)
        logger.exception("An answer was cut off")
        yield CUT_OFF.format(reason=failure.message if failure else "an internal error")


async def _ready(api: str) -> None:
    async with httpx.AsyncClient(timeout=2) as client:
        (await client.get(f"{api}/health/ready")).raise_for_status()
