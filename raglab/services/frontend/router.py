"""The query-router as this page uses it. All methods raise `Problem`, with words for the person at the page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import contextmanager
from typing import Any

import httpx

from raglab.services.frontend import problems
from raglab.services.frontend.problems import Problem
from raglab.services.frontend.settings import Settings

SEARCH = httpx.Timeout(30, connect=3)
GENERATE = httpx.Timeout(130, connect=3)  # the query-router itself waits 120 s for the model's next piece
UPLOAD = httpx.Timeout(600, connect=3)
QUICK = httpx.Timeout(10, connect=3)


class QueryRouter:
    """A client with connections of its own; `close` ends them."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = httpx.AsyncClient(base_url=settings.query_router, trust_env=False)

    async def close(self) -> None:
        """End all connections."""
        await self._client.aclose()

    async def search(self, question: str) -> list[dict[str, Any]]:
        """The passages nearest to a question, best first: score, source and content of each."""
        body = {"content": question, "num_docs": self._settings.passages}
        return (await self._ask("POST", "/documentSearch", SEARCH, json=body)).json()

    async def generate(self, question: str, knowledge_base: bool, tokens: int) -> AsyncIterator[str]:
        """The pieces of an answer as they come."""
        body = {
            "question": question,
            "context": "",
            "use_knowledge_base": knowledge_base,
            "num_tokens": tokens,
        }
        with self._telling():
            async with self._client.stream("POST", "/generate", json=body, timeout=GENERATE) as response:
                await self._check(response)
                async for piece in response.aiter_text():
                    yield piece

    async def documents(self) -> list[dict[str, Any]]:
        """The files of the knowledge base: filename, chunks and time of upload of each."""
        return (await self._ask("GET", "/documents", QUICK)).json()["documents"]

    async def delete(self, filename: str) -> None:
        """Remove a file."""
        await self._ask("DELETE", "/documents", SEARCH, params={"filename": filename})

    async def upload(self, body: AsyncIterator[bytes], headers: dict[str, str]) -> None:
        """Pass a multipart body on piece by piece, so that its sender's progress is that of the query-router."""
        await self._ask("POST", "/uploadDocument", UPLOAD, content=body, headers=headers)

    async def models(self) -> list[dict[str, Any]]:
        """Which models answer, as the query-router tells; nothing if it does not know the question."""
        try:
            return (await self._ask("GET", "/models", QUICK)).json()["models"]
        except Problem as problem:
            if problem.status == 404:
                return []
            raise

    async def ailing(self) -> list[str]:
        """Names of the services behind the query-router that do not answer."""
        with self._telling():
            response = await self._client.get("/health", params={"dependencies": True}, timeout=QUICK)
        named = response.json().get("dependency", "") if response.status_code == 503 else ""
        return [name for name in named.split(", ") if name]

    async def _ask(self, method: str, path: str, timeout: httpx.Timeout, **rest: Any) -> httpx.Response:
        with self._telling():
            response = await self._client.request(method, path, timeout=timeout, **rest)
            await self._check(response)
            return response

    async def _check(self, response: httpx.Response) -> None:
        if response.is_error:
            await response.aread()
            raise problems.refused(response, self._settings.namespace)

    @contextmanager
    def _telling(self) -> Any:
        """Failures of the connection as problems."""
        address, namespace = self._settings.query_router, self._settings.namespace
        try:
            yield
        except httpx.ReadTimeout as error:
            raise problems.too_late(address, namespace) from error
        except httpx.TransportError as error:
            raise problems.unreachable(address, namespace) from error
