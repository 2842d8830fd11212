"""The HTTP interface: the page, its files, and what the page asks for."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from raglab.services.frontend import problems
from raglab.services.frontend.chat import Question, answer
from raglab.services.frontend.metrics import Metrics
from raglab.services.frontend.middleware import Guard
from raglab.services.frontend.problems import Problem
from raglab.services.frontend.router import QueryRouter
from raglab.services.frontend.settings import Settings

logger = logging.getLogger(__name__)

STATIC = Path(__file__).parent / "static"
MAX_TOKENS = 1024
"""More than this the query-router refuses."""


class App:
    """One frontend: its connection to the query-router and its metrics."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metrics = Metrics()
        self.web = Starlette(
            routes=self._routes(),
            lifespan=self._lifespan,
            middleware=[Middleware(Guard)],
            exception_handlers={
                Problem: _problem,  # type: ignore[dict-item]
                ClientDisconnect: _gone,  # type: ignore[dict-item]
                HTTPException: _refusal,  # type: ignore[dict-item]
            },
        )

    def _routes(self) -> list[Route | Mount]:
        return [
            Route("/", lambda request: FileResponse(STATIC / "index.html")),
            Route("/health", lambda request: JSONResponse({"message": "Service is up."})),
            Route("/metrics", self._exposition),
            Route("/api/chat", self._chat, methods=["POST"]),
            Route("/api/documents", self._documents, methods=["GET"]),
            Route("/api/documents", self._upload, methods=["POST"]),
            Route("/api/documents", self._delete, methods=["DELETE"]),
            Route("/api/state", self._state),
            Mount("/static", StaticFiles(directory=STATIC)),
        ]

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self._router = QueryRouter(self._settings)
        yield
        await self._router.close()

    async def _exposition(self, request: Request) -> Response:
        return Response(self._metrics.exposition(), media_type=CONTENT_TYPE_LATEST)

    async def _chat(self, request: Request) -> Response:
        question = await self._question(request)
        lines = self._lines(question)
        return StreamingResponse(lines, media_type="application/x-ndjson")

    async def _question(self, request: Request) -> Question:
        """Raises HTTPException 400 for what is not a question."""
        try:
            body = await request.json()
            text, knowledge_base = str(body["question"]).strip(), bool(body["knowledge_base"])
            tokens = min(max(int(body.get("tokens") or self._settings.answer_tokens), 1), MAX_TOKENS)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise HTTPException(400, "question, knowledge_base and tokens are needed, as JSON") from error
        if not text:
            raise HTTPException(400, "The question is empty.")
        return Question(text, knowledge_base, tokens)

    async def _lines(self, question: Question) -> AsyncIterator[bytes]:
        """The events of an answer as lines, measured."""
        started, outcome, first = time.perf_counter(), "stopped", True
        try:
            async for event in answer(self._router, question):
                if first and "text" in event:
                    self._metrics.first_piece.observe(time.perf_counter() - started)
                    first = False
                yield json.dumps(event, ensure_ascii=False).encode() + b"\n"
                outcome = "problem" if "problem" in event else "answer" if "html" in event else outcome
        finally:
            kind = "yes" if question.knowledge_base else "no"
            self._metrics.questions.labels(kind, outcome).inc()

    async def _documents(self, request: Request) -> Response:
        return JSONResponse({"documents": await self._router.documents()})

    async def _upload(self, request: Request) -> Response:
        names = ("content-type", "content-length")
        headers = {name: request.headers[name] for name in names if name in request.headers}
        await self._router.upload(request.stream(), headers)
        return JSONResponse({"documents": await self._router.documents()})

    async def _delete(self, request: Request) -> Response:
        await self._router.delete(request.query_params.get("filename", ""))
        return JSONResponse({"documents": await self._router.documents()})

    async def _state(self, request: Request) -> Response:
        """What answers now, and which models; the page asks for it every few seconds."""
        try:
            ailing, models = await asyncio.gather(self._router.ailing(), self._router.models())
        except Problem as problem:
            return JSONResponse(
                {"ailing": [_ailing(problem.service, problem.what)], "models": []} | self._own()
            )
        troubles = [_ailing(name, problems.TITLES.get(name, f"{name} does not answer")) for name in ailing]
        return JSONResponse({"ailing": troubles, "models": models} | self._own())

    def _own(self) -> dict[str, Any]:
        return {"tokens": self._settings.answer_tokens}


def _ailing(service: str, what: str) -> dict[str, str]:
    return {"service": service, "what": what}


async def _problem(request: Request, problem: Problem) -> JSONResponse:
    logger.warning("%s %s: %s. %s", request.method, request.url.path, problem.what, problem.why)
    return JSONResponse(problem.body(), problem.status)


async def _refusal(request: Request, error: HTTPException) -> JSONResponse:
    return JSONResponse({"message": error.detail}, error.status_code, error.headers)


async def _gone(request: Request, error: ClientDisconnect) -> Response:
    """For the record only: whoever sent half an upload does not read this."""
    return Response(status_code=400)
