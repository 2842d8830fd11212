"""Stand-in for NVIDIA NIM for LLMs: `python -m raglab.services.nim.llm`.

The path of a request: read and check it, wait for slots, let llama.cpp generate, shape its events, count. A
stream's headers go out together with its first token, so that what is wrong with a request is still an HTTP
status.
"""

from __future__ import annotations

import sys
from typing import Any

import orjson
from aiohttp import web

from raglab.services import models
from raglab.services.nim.admission import Admission
from raglab.services.nim.ea_command import apply_arguments
from raglab.services.nim.errors import ApiError, json_response, read_object
from raglab.services.nim.llama import EngineError, Event, Generation, Llama
from raglab.services.nim.llm_answers import Answer, ChatAnswer, TextAnswer, usage
from raglab.services.nim.llm_metrics import CacheUse, Stopwatch
from raglab.services.nim.llm_requests import ChatRequest, CompletionRequest
from raglab.services.nim.metrics import GENERATION, REQUESTS, Metrics
from raglab.services.nim.server import run
from raglab.services.nim.service import Service
from raglab.services.nim.settings import LlmSettings, llm_settings

_MAX_BODY = 1024 * 1024
_SSE = {
    "Content-Type": "text/event-stream; charset=utf-8",
    "Cache-Control": "no-cache",
    "X-Accel-Buffering": "no",
}


def create(settings: LlmSettings) -> Service:
    """The whole service, not yet loaded."""
    metrics = Metrics(settings.served_name, (*REQUESTS, *GENERATION))
    model = models.model("llm", settings.served_name, settings.models)
    service = Service(settings, llama := Llama(settings, model), model, metrics, max_body=_MAX_BODY)
    methods = Methods(service, settings, llama)
    service.route("/v1/chat/completions", methods.chat)
    service.route("/v1/completions", methods.text)
    return service


class Methods:
    """The two methods that generate text."""

    def __init__(self, service: Service, settings: LlmSettings, llama: Llama) -> None:
        self._service, self._settings, self._llama = service, settings, llama
        self._metrics = service.metrics
        self._admission = Admission(settings.slots, settings.max_waiting, self._metrics.busy)
        self._cache = CacheUse(settings.context * settings.slots)
        self._metrics.gauge("num_requests_running", lambda: self._admission.running)
        self._metrics.gauge("num_requests_waiting", lambda: self._admission.waiting)
        self._metrics.gauge("num_request_max", lambda: settings.slots)
        self._metrics.gauge("gpu_cache_usage_perc", self._cache.share)

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/chat/completions."""
        asked = ChatRequest.model_validate(await read_object(request))
        return await self._answer(request, asked, ChatAnswer)

    async def text(self, request: web.Request) -> web.StreamResponse:
        """POST /v1/completions."""
        asked = CompletionRequest.model_validate(await read_object(request))
        return await self._answer(request, asked, TextAnswer)

    async def _answer(
        self, request: web.Request, asked: ChatRequest | CompletionRequest, form: type[Answer]
    ) -> web.StreamResponse:
        turn = _Turn(
            request, asked, form(self._settings.served_name, asked.choices), Stopwatch(self._metrics)
        )
        self._service.check_model(asked.model)
        if asked.choices > self._settings.slots:
            raise ApiError(400, f"n: at most {self._settings.slots} choices per request", param="n")
        engine_request = asked.engine()
        self._admission.check_room()
        ticket = await self._admission.enter(asked.choices)
        generation = self._llama.start(isinstance(asked, ChatRequest), engine_request, ticket.release)
        try:
            await self._consume(turn, generation)
        except ApiError as error:
            return await turn.fail(error)
        finally:
            generation.cancel()
            self._cache.forget(generation)
        return await turn.end(generation.prompt_tokens // asked.n, generation.generated_tokens)

    async def _consume(self, turn: _Turn, generation: Generation) -> None:
        try:
            async for event in generation:
                self._cache.note(generation, event)
                if event.is_progress:
                    self._check_length(event.prompt_total, turn.asked.limit)
                else:
                    await turn.add(event)
        except EngineError as error:
            if error.prompt_tokens:
                self._check_length(error.prompt_tokens, turn.asked.limit)
            raise ApiError(error.status, str(error)) from error
        if len(turn.answer.reasons) < turn.asked.choices:
            raise ApiError(503, "The server is stopping and had to end this answer early", code="draining")

    def _check_length(self, prompt: int, limit: int | None) -> None:
        if prompt + (limit or 1) <= self._settings.context:
            return
        raise ApiError(
            400,
            f"The prompt has {prompt} tokens and {limit or 1} more were asked for, but this model's maximum context "
            f"length is {self._settings.context} tokens: shorten the prompt or lower max_tokens",
            code="context_length_exceeded",
        )


class _Turn:
    """One request on its way to one answer, streamed or whole."""

    def __init__(
        self, request: web.Request, asked: ChatRequest | CompletionRequest, answer: Answer, watch: Stopwatch
    ) -> None:
        self._request, self.asked, self.answer, self._watch = request, asked, answer, watch
        self._stream: web.StreamResponse | None = None

    async def add(self, event: Event) -> None:
        """Takes an event in and, in a stream, sends what it makes at once."""
        self._watch.token(event)
        chunks = self.answer.add(event)
        if self.asked.stream and chunks:
            await self._send(b"".join(_frame(chunk) for chunk in chunks))

    async def end(self, prompt_tokens: int, generated_tokens: int) -> web.StreamResponse:
        """Completes the answer."""
        self._watch.finished(self.answer.reasons, prompt_tokens, generated_tokens)
        spent = usage(prompt_tokens, generated_tokens)
        if not self.asked.stream:
            return json_response(self.answer.whole(spent))
        if self.asked.stream_options and self.asked.stream_options.include_usage:
            await self._send(_frame(self.answer.chunk([]) | {"usage": spent}))
        return await self._close()

    async def fail(self, error: ApiError) -> web.StreamResponse:
        """Answers with the error; in a stream that has begun, as its last event."""
        if self._stream is None:
            raise error
        self._stream["failed"] = error.status
        await self._send(_frame(error.body()))
        return await self._close()

    async def _close(self) -> web.StreamResponse:
        stream = await self._send(b"data: [DONE]\n\n")
        await stream.write_eof()
        return stream

    async def _send(self, data: bytes) -> web.StreamResponse:
        if self._stream is None:
            self._stream = web.StreamResponse(headers=_SSE)
            await self._stream.prepare(self._request)
        await self._stream.write(data)
        return self._stream


def _frame(chunk: dict[str, Any]) -> bytes:
    return b"data: " + orjson.dumps(chunk) + b"\n\n"


if __name__ == "__main__":
    apply_arguments(sys.argv[1:])
    run(llm_settings, create)
