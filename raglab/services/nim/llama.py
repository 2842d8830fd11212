"""llama.cpp inside this process: one request becomes one call in a thread, its tokens come back as events.

The runtime (`xllamacpp`) also insists on an HTTP server of its own; that one listens on a Unix socket in a
private temporary folder and asks for a random key, so nothing but this module can reach the model. Calls in
process hand over tokens without a second HTTP hop, release Python's lock while they compute, and end early
when asked to.

Three settings carry the behaviour: prompts are read in steps of 128 tokens (as fast as bigger ones on a
CPU), between which other requests get their tokens and an abandoned request ends; progress events are on,
because they carry the prompt's length before any work is done; and each request's slot has the whole
context length for itself.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import xllamacpp

from raglab.services.models import Model, ModelError
from raglab.services.nim.settings import LlmSettings

_PROMPT_STEP = 128


class EngineError(Exception):
    """llama.cpp refused or failed a request; `status` is an HTTP status, `prompt_tokens` set if it was too
    long.
    """

    def __init__(self, message: str, status: int = 500, prompt_tokens: int = 0) -> None:
        super().__init__(message)
        self.status, self.prompt_tokens = status, prompt_tokens


@dataclass(slots=True)
class Event:
    """What one step brought for one choice: prompt tokens read, or text; counts are totals of the choice so
    far.
    """

    index: int
    text: str = ""
    logprobs: list[dict[str, Any]] = field(default_factory=list)
    finish_reason: str | None = None
    prompt_total: int = 0
    prompt_read: int = 0
    generated: int = 0

    @property
    def is_progress(self) -> bool:
        """No token exists yet."""
        return self.prompt_total > 0


class Generation:
    """A running request: iterate over its events, `cancel` to end it early."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event | EngineError | None] = asyncio.Queue()
        self._cancelled = threading.Event()
        self.prompt_tokens = 0
        self.generated_tokens = 0

    def cancel(self) -> None:
        """Makes llama.cpp stop at its next step; safe to call at any time."""
        self._cancelled.set()

    async def __aiter__(self) -> AsyncIterator[Event]:
        """The events in order. Raises EngineError."""
        while (item := await self._events.get()) is not None:
            if isinstance(item, EngineError):
                raise item
            yield item

    def receive(self, raw: str) -> bool:
        """llama.cpp's callback, in its thread: hands a chunk to the event loop; True ends the generation."""
        chunk = orjson.loads(raw)
        if error := chunk.get("error"):
            failed = EngineError(error["message"], error.get("code", 500), error.get("n_prompt_tokens", 0))
            self.put(failed)
            return True
        for event in _events(chunk):
            self.put(event)
        if usage := chunk.get("usage"):  # one per choice
            self.prompt_tokens += usage["prompt_tokens"]
            self.generated_tokens += usage["completion_tokens"]
        return self._cancelled.is_set()

    def put(self, item: Event | EngineError | None) -> None:
        """Adds an event from any thread; None ends the iteration."""
        self._loop.call_soon_threadsafe(self._events.put_nowait, item)


class Llama:
    """The model, loaded once and shared by all requests."""

    def __init__(self, settings: LlmSettings, model: Model) -> None:
        self._settings, self._model = settings, model
        self._path = settings.models / model.files[0].target
        self._server: xllamacpp.Server | None = None
        self._threads = ThreadPoolExecutor(settings.slots, "llama")
        self._running: set[Generation] = set()
        self._aborted = False
        self._folder = _socket_folder()

    def load(self) -> None:
        """Loads the model; blocks for about a second. Raises ModelError, RuntimeError."""
        if not self._path.is_file():
            raise ModelError(
                f"{self._model.name} answers to {self._settings.served_name}, but {self._path} is missing: "
                f"run `{self._model.remedy}`"
            )
        self._server = xllamacpp.Server(self._parameters())

    def abort(self) -> None:
        """Ends all generations, and those that are still to start."""
        self._aborted = True
        for generation in self._running:
            generation.cancel()

    def close(self) -> None:
        """Removes the folder of the private socket."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self, chat: bool, request: dict[str, Any], done: Callable[[], None]) -> Generation:
        """Starts generating; `done` is called in the event loop when llama.cpp has let go of the request."""
        assert self._server is not None, "load() comes first"
        call = self._server.handle_chat_completions if chat else self._server.handle_completions
        generation = Generation()
        self._running.add(generation)
        if self._aborted:
            generation.cancel()
        future = asyncio.get_running_loop().run_in_executor(
            self._threads, _work, call, self._complete(request), generation
        )

        def finished(_: asyncio.Future[None]) -> None:
            self._running.discard(generation)
            done()

        future.add_done_callback(finished)
        return generation

    def _complete(self, request: dict[str, Any]) -> str:
        extra = {
            "stream": True,
            "stream_options": {"include_usage": True},
            "return_progress": True,
            "timings_per_token": True,
            "cache_prompt": self._settings.reuse_cache,
        }
        return orjson.dumps(request | extra).decode()

    def _parameters(self) -> xllamacpp.CommonParams:
        settings = self._settings
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(self._path)
        parameters.hostnames = [str(self._folder / "llama.sock")]  # the suffix makes it a Unix socket
        parameters.api_keys = [secrets.token_hex(32)]
        parameters.n_threads_http = 1
        parameters.n_ctx = settings.context * settings.slots
        parameters.n_parallel = settings.slots
        parameters.n_batch = parameters.n_ubatch = _PROMPT_STEP
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = settings.threads
        parameters.cache_ram_mib = 0
        if settings.chat_template:
            parameters.chat_template = settings.chat_template
        parameters.ui = False
        parameters.verbosity = 0
        return parameters


def _work(call: Callable[..., None], request: str, generation: Generation) -> None:
    try:
        call(request, generation.receive)
    except ValueError as error:  # what llama.cpp finds wrong with a request before it starts
        generation.put(EngineError(str(error), 400))
    except RuntimeError as error:
        generation.put(EngineError(str(error)))
    finally:
        generation.put(None)


def _socket_folder() -> Path:
    """A private folder with a path short enough for a Unix socket, whose name the kernel limits to 107
    bytes.
    """
    folder = tempfile.gettempdir()
    return Path(tempfile.mkdtemp(prefix="llama-", dir=folder if len(folder) < 80 else "/tmp"))


def _events(chunk: dict[str, Any]) -> list[Event]:
    timings, progress = chunk.get("timings", {}), chunk.get("prompt_progress", {})
    generated = timings.get("predicted_n", 0)
    return [
        Event(
            index=choice["index"],
            text=choice.get("text") or choice.get("delta", {}).get("content") or "",
            logprobs=(choice.get("logprobs") or {}).get("content", []),
            finish_reason=choice["finish_reason"],
            prompt_total=progress.get("total", 0),
            prompt_read=progress.get("processed", 0),
            generated=generated,
        )
        for choice in chunk.get("choices", [])
    ]
