"""The HTTP interface: routes, error answers, metrics."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import FastAPI, File, Query, Request, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response, StreamingResponse
from fastapi_offline import FastAPIOffline
from haystack import tracing
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from raglab.services.query_router import served
from raglab.services.query_router.errors import ApiError
from raglab.services.query_router.metrics import Metrics, StageTimer
from raglab.services.query_router.middleware import BodyLimit, Measured
from raglab.services.query_router.models import (
    DocumentList,
    ModelList,
    Note,
    Passage,
    Problem,
    Prompt,
    Search,
)
from raglab.services.query_router.service import Service
from raglab.services.query_router.settings import Settings

logger = logging.getLogger(__name__)

MULTIPART = 100_000
"""Bytes a multipart body may need around the file."""
PATHS = frozenset({"/uploadDocument", "/documentSearch", "/generate", "/documents", "/models", "/health"})


def create_app(settings: Settings) -> FastAPI:
    """The application; it starts whether or not the services behind it are up."""
    metrics = Metrics()
    service = Service(settings, metrics)
    tracing.enable_tracing(StageTimer(metrics.stages))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        preparing = asyncio.create_task(service.prepare())
        yield
        preparing.cancel()
        service.close()

    app = FastAPIOffline(  # /docs and /redoc without files from the network
        title="query-router",
        description="Retrieval-augmented generation over two NIMs and pgvector.",
        version="0.1.0",
        lifespan=lifespan,
        strict_content_type=False,  # clients of the original send JSON without saying so
    )
    app.add_middleware(BodyLimit, limit=settings.max_upload + MULTIPART)
    _add_methods(app, service, settings)
    _add_library(app, service)
    _add_operations(app, service, settings, metrics)
    _add_errors(app)
    app.add_middleware(Measured, metrics=metrics, paths=PATHS)
    return app


def _add_methods(app: FastAPI, service: Service, settings: Settings) -> None:
    @app.post("/uploadDocument", responses=_problems(413, 415, 422, 502, 503))
    async def upload_document(
        file: Annotated[UploadFile, File(description="PDF, DOCX, HTML, Markdown, text")],
    ) -> Note:
        """Index a document. A file that was uploaded before under the same name is replaced."""
        data = await file.read(settings.max_upload + 1)
        if len(data) > settings.max_upload:
            raise ApiError(413, f"The file is larger than {settings.max_upload} bytes.")
        await service.upload(file.filename or "", file.content_type or "", data)
        return Note(message="File uploaded successfully")

    @app.post("/documentSearch", responses=_problems(422, 502, 503))
    async def document_search(request: Search) -> list[Passage]:
        """Find the passages nearest to a text, best first."""
        found = await service.search(request.content, request.num_docs)
        return [
            Passage(score=item.score or 0.0, source=item.meta.get("filename", ""), content=item.content or "")
            for item in found
        ]

    @app.post(
        "/generate",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {}}}, **_problems(422, 502, 503)},
    )
    async def generate(request: Prompt) -> StreamingResponse:
        """Answer a question. The body is the text itself, piece by piece, without event framing."""
        pieces = await service.generate(
            request.question, request.context, request.use_knowledge_base, request.num_tokens
        )
        return StreamingResponse(pieces, media_type="text/event-stream")


def _add_library(app: FastAPI, service: Service) -> None:
    @app.get("/documents", responses=_problems(503))
    async def documents() -> DocumentList:
        """List the uploaded files."""
        return DocumentList(documents=[file.row() for file in await service.documents()])  # type: ignore[misc]

    @app.delete("/documents", responses=_problems(404, 422, 503))
    async def delete_document(filename: Annotated[str, Query(min_length=1)]) -> Note:
        """Remove an uploaded file."""
        chunks = await service.delete(filename)
        return Note(message=f"Deleted {filename} ({chunks} chunk{'' if chunks == 1 else 's'})")


def _add_operations(app: FastAPI, service: Service, settings: Settings, metrics: Metrics) -> None:
    @app.get("/health", responses=_problems(503))
    async def health(dependencies: bool = False) -> Note:
        """Say that the service is up; with `dependencies=true` also ask the three services behind it."""
        if dependencies and (problems := await service.problems()):
            text = "; ".join(f"{name}: {reason}" for name, reason in problems.items())
            raise ApiError(503, text, ", ".join(problems))
        return Note(message="Service is up.")

    @app.get("/models")
    async def models() -> ModelList:
        """Say which models answer, and whether they are stand-ins."""
        return ModelList(models=await served.models(settings))

    @app.get("/metrics", include_in_schema=False)
    async def exposition() -> Response:
        return Response(metrics.exposition(), media_type=CONTENT_TYPE_LATEST)


def _add_errors(app: FastAPI) -> None:
    @app.exception_handler(ApiError)
    async def api_error(request: Request, error: ApiError) -> JSONResponse:
        if error.status >= 500:
            logger.error("%s: %s", request.url.path, error.message)
        return JSONResponse(error.body(), error.status, error.headers())

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"message": error.detail}, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        # without the input: it may hold what JSON cannot, such as half a surrogate pair
        details = [{"loc": item["loc"], "msg": item["msg"], "type": item["type"]} for item in error.errors()]
        return JSONResponse({"detail": details}, 422)

    @app.exception_handler(Exception)
    async def failure(request: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"message": "Internal error; the log of the query-router has the details."}, 500)


def _problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Failures for the OpenAPI document; 422 is also what an invalid body gets, in FastAPI's form."""
    return {status: {"model": Problem} for status in statuses if status != 422}
