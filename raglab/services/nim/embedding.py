"""Stand-in for the NeMo Retriever text embedding NIM: `python -m raglab.services.nim.embedding`.

One text is computed at a time. Between any two texts the request goes back to the end of the line, so a
single query waits for at most one text of each upload that is under way, never for a whole upload.
"""

from __future__ import annotations

import asyncio
import base64
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from aiohttp import web

from raglab.services import models
from raglab.services.nim.admission import Admission
from raglab.services.nim.embedding_requests import EmbeddingRequest
from raglab.services.nim.encoder import MAX_TOKENS, Encoder, Tokens
from raglab.services.nim.errors import ApiError, json_response, read_object
from raglab.services.nim.metrics import REQUESTS, Metrics
from raglab.services.nim.server import run
from raglab.services.nim.service import Service
from raglab.services.nim.settings import EmbeddingSettings, embedding_settings

_MAX_BODY = 8 * 1024 * 1024
_SHORT = 2000  # characters, tokenised in less than a millisecond


class Embedder:
    """The model as the service runs it: loading, one text at a time in a thread, and an early end."""

    def __init__(self, settings: EmbeddingSettings) -> None:
        self._encoder = Encoder(settings.models / "embedding", settings.threads)
        self._compute = ThreadPoolExecutor(1, "embed")
        self._prepare = ThreadPoolExecutor(1, "tokenise")
        self._aborted = False

    def load(self) -> None:
        """Loads the model."""
        self._encoder.load()

    def abort(self) -> None:
        """Refuses all further texts."""
        self._aborted = True

    def close(self) -> None:
        """Nothing was put on disk."""

    async def tokenise(self, texts: list[str], *, keep_end: bool) -> list[Tokens]:
        """The tokens of all texts; a few short ones are not worth the way to a thread and back."""

        def work() -> list[Tokens]:
            return [self._encoder.tokenise(text, keep_end=keep_end) for text in texts]

        if sum(map(len, texts)) <= _SHORT:
            return work()
        return await asyncio.get_running_loop().run_in_executor(self._prepare, work)

    async def embed(self, tokens: Tokens) -> np.ndarray:
        """The vector of one text."""
        if self._aborted:
            raise ApiError(503, "The server is stopping and had to end this request early", code="draining")
        return await asyncio.get_running_loop().run_in_executor(self._compute, self._encoder.embed, tokens)


class Methods:
    """The one method of this NIM."""

    def __init__(self, service: Service, settings: EmbeddingSettings, embedder: Embedder) -> None:
        self._service, self._settings, self._embedder = service, settings, embedder
        self._metrics = service.metrics
        self._admission = Admission(1, settings.max_waiting, self._metrics.busy)
        self._metrics.gauge("num_requests_running", lambda: self._admission.running)
        self._metrics.gauge("num_requests_waiting", lambda: self._admission.waiting)
        self._metrics.gauge("num_request_max", lambda: 1)

    async def embeddings(self, request: web.Request) -> web.Response:
        """POST /v1/embeddings."""
        started = time.monotonic()
        asked = EmbeddingRequest.model_validate(await read_object(request))
        self._service.check_model(asked.resolve(self._settings.names))
        self._check(asked)
        self._admission.check_room()
        tokens = await self._embedder.tokenise(asked.input, keep_end=asked.truncate == "START")
        if asked.truncate == "NONE":
            _check_length(tokens)
        vectors = [await self._embed(each) for each in tokens]
        count = sum(len(each.ids) for each in tokens)
        self._metrics.count("prompt_tokens", count)
        self._metrics.observe("request_prompt_tokens", count)
        self._metrics.observe("e2e_request_latency_seconds", time.monotonic() - started)
        return json_response(self._answer(vectors, count, asked.encoding_format))

    def _check(self, asked: EmbeddingRequest) -> None:
        if asked.dimensions is not None:
            message = "This model does not support the 'dimensions' parameter: its vectors have a fixed size"
            raise ApiError(400, message, param="dimensions")
        if len(asked.input) > self._settings.max_batch:
            message = (
                f"{len(asked.input)} texts are more than the {self._settings.max_batch} one request may have"
            )
            raise ApiError(400, message, param="input")

    async def _embed(self, tokens: Tokens) -> np.ndarray:
        ticket = await self._admission.enter(1)
        try:
            return await self._embedder.embed(tokens)
        finally:
            ticket.release()

    def _answer(self, vectors: list[np.ndarray], count: int, encoding: str) -> dict[str, Any]:
        data = [
            {"object": "embedding", "index": index, "embedding": _encoded(vector, encoding)}
            for index, vector in enumerate(vectors)
        ]
        spent = {"prompt_tokens": count, "total_tokens": count}
        return {"object": "list", "data": data, "model": self._settings.served_name, "usage": spent}


def create(settings: EmbeddingSettings) -> Service:
    """The whole service, not yet loaded."""
    embedder = Embedder(settings)
    metrics = Metrics(settings.served_name, REQUESTS)
    service = Service(settings, embedder, models.model("embedding"), metrics, max_body=_MAX_BODY)
    service.route("/v1/embeddings", Methods(service, settings, embedder).embeddings)
    return service


def _check_length(tokens: list[Tokens]) -> None:
    for each in tokens:
        if each.total > MAX_TOKENS:
            message = f"Input length {each.total} exceeds maximum allowed token size {MAX_TOKENS}"
            raise ApiError(400, message, param="input")


def _encoded(vector: np.ndarray, encoding: str) -> np.ndarray | str:
    """The vector as numbers, or as base64 of its 32-bit little-endian floats."""
    return vector if encoding == "float" else base64.b64encode(vector.astype("<f4").tobytes()).decode()


if __name__ == "__main__":
    run(embedding_settings, create)
