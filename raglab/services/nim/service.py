"""What every NIM has besides its own methods: life cycle, health, models, metadata, metrics, errors and the
request log.

A service is live as soon as it listens, ready once its model is loaded, and draining after SIGTERM: then it
accepts no connection any more and ends what it has begun. Requests on connections that clients kept open
get their answer too, with `Connection: close`: a kept connection stays with its pod whatever a Service
selects now, so this is how its client is sent elsewhere without losing a request.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web
from pydantic import ValidationError

import raglab
from raglab.services.models import Model
from raglab.services.nim.errors import ApiError, invalid, json_response, unknown_model
from raglab.services.nim.metrics import Metrics
from raglab.services.nim.settings import Settings

log = logging.getLogger("raglab.nim")
_ABORT_SECONDS = 3.0  # for answers that were told to end, to say so
_QUIET_SECONDS = 2.0  # without a request, after which kept connections are closed unasked
_LOOK_SECONDS = 0.05
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Runtime(Protocol):
    """The model behind a service."""

    def load(self) -> None:
        """Loads the model; blocks, runs in a thread. Raises ModelError for what an operator can
        mend.
        """

    def abort(self) -> None:
        """Ends all running work at once."""

    def close(self) -> None:
        """Removes what the runtime put on disk."""


class Service:
    """Life cycle and management endpoints around a runtime; `route` adds the methods of one NIM."""

    def __init__(
        self, settings: Settings, runtime: Runtime, model: Model, metrics: Metrics, *, max_body: int
    ) -> None:
        self.settings, self.runtime, self.metrics = settings, runtime, metrics
        self.model = model
        self.state = "loading"
        self.idle = asyncio.Event()
        self.idle.set()
        self._in_flight = 0
        self._last = time.monotonic()
        self._started = int(time.time())
        self.app = web.Application(middlewares=[_errors], client_max_size=max_body)
        self.app.on_response_prepare.append(self._part_from_client)
        self.app.add_routes([web.get(path, handler) for path, handler in self._management().items()])

    def route(self, path: str, handler: Handler) -> None:
        """Adds a POST method that uses the model: refused unless ready, counted for draining and in the
        metrics.
        """
        self.app.router.add_post(path, self._work(handler))

    async def load(self) -> None:
        """Loads the model without blocking the event loop, then becomes ready."""
        started = time.monotonic()
        await asyncio.to_thread(self.runtime.load)
        self.state = "ready"
        log.info(
            "%s is ready under the name %s after %.1f s (simulated: this is not the named model)",
            self.model.name,
            self.settings.served_name,
            time.monotonic() - started,
        )

    async def drain(self, connections: Callable[[], int]) -> None:
        """Waits until clients have left, at most `drain_seconds`; then ends what still runs.

        `connections` tells how many are open; new ones must not be accepted any more.
        """
        self.state, self._last = "draining", time.monotonic()
        log.info("stopping: %d requests in flight, %d connections", self._in_flight, connections())
        try:
            async with asyncio.timeout(self.settings.drain_seconds):
                while connections() and not self._is_quiet():
                    await self.idle.wait()
                    await asyncio.sleep(_LOOK_SECONDS)  # the next request of a kept connection
        except TimeoutError:
            log.warning("ending %d requests that did not finish in time", self._in_flight)
            self.runtime.abort()
            await asyncio.wait([asyncio.ensure_future(self.idle.wait())], timeout=_ABORT_SECONDS)

    def _is_quiet(self) -> bool:
        return not self._in_flight and time.monotonic() - self._last > _QUIET_SECONDS

    async def _part_from_client(self, request: web.Request, response: web.StreamResponse) -> None:
        if self.state == "draining":
            response.force_close()
            response.headers["Connection"] = "close"

    def check_model(self, name: str) -> None:
        """Raises ApiError 404 for a model that is not served."""
        if name not in self.settings.names:
            raise unknown_model(name)

    def about(self) -> dict[str, Any]:
        """Which model really answers."""
        model = self.model
        about = {
            "simulated": True,
            "model": model.name,
            "file": Path(model.files[0].target).name,
            "parameters": model.parameters,
            "licence": model.licence,
            "stands_for": model.stands_for,
        }
        return about | ({"dimensions": model.dimensions} if model.dimensions else {})

    def _work(self, handler: Handler) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            if self.state == "loading":
                raise ApiError(503, "The server is not ready: loading", code="loading", retry_after=1)
            self._in_flight += 1
            self.idle.clear()
            started, status = time.monotonic(), 499
            try:
                response = await handler(request)
                status = response.get("failed", response.status)
                return response
            except ApiError as error:
                status = error.status
                raise
            except ValidationError:
                status = 400
                raise
            finally:
                self._finished(request, status, time.monotonic() - started)

        return handle

    def _finished(self, request: web.Request, status: int, seconds: float) -> None:
        """`status` 499 says that the client went away or the server failed before there was an answer."""
        self._in_flight -= 1
        self._last = time.monotonic()
        if not self._in_flight:
            self.idle.set()
        self.metrics.count("request_success" if status < 400 else "request_failure")
        log.info("%s %s %d %.3f s", request.method, request.path, status, seconds)

    def _management(self) -> dict[str, Handler]:
        return {
            "/v1/health/live": self._live,
            "/v1/health/ready": self._ready,
            "/v1/models": self._models,
            "/v1/version": self._version,
            "/v1/metadata": self._metadata,
            "/v1/license": self._license,
            "/v1/metrics": self._metrics,
            "/metrics": self._metrics,
        }

    async def _live(self, request: web.Request) -> web.Response:
        return json_response({"object": "health.response", "message": "Service is live.", "live": True})

    async def _ready(self, request: web.Request) -> web.Response:
        ready = self.state == "ready"
        message = "Service is ready." if ready else f"Service is not ready: {self.state}."
        body = {"object": "health.response", "message": message, "ready": ready}
        return json_response(body, 200 if ready else 503)

    async def _models(self, request: web.Request) -> web.Response:
        entries = [
            {
                "id": name,
                "object": "model",
                "created": self._started,
                "owned_by": "raglab",
                "root": name,
                "parent": None,
                "max_model_len": getattr(self.settings, "context", self.model.context),
                "raglab": self.about(),
            }
            for name in self.settings.names
        ]
        return json_response({"object": "list", "data": entries})

    async def _version(self, request: web.Request) -> web.Response:
        return json_response({"release": f"{raglab.__version__} (raglab, simulated)", "api": "1.0.0"})

    async def _metadata(self, request: web.Request) -> web.Response:
        body = {
            "version": f"{raglab.__version__} (raglab, simulated)",
            "assetInfo": [file.target for file in self.model.files],
            "licenseInfo": self._license_info(),
            "modelInfo": [{"shortName": self.model.name, "modelUrl": self.model.origin}],
            "selectedModelProfileId": self.model.files[0].origin,
            "raglab": self.about(),
        }
        return json_response(body)

    async def _license(self, request: web.Request) -> web.Response:
        return json_response(self._license_info())

    def _license_info(self) -> dict[str, str]:
        return {
            "name": self.model.licence,
            "type": "open source",
            "content": f"Published by {self.model.publisher}",
        }

    async def _metrics(self, request: web.Request) -> web.Response:
        text = self.metrics.exposition()
        return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turns every failure into the API's own error object; what nobody foresaw is logged and said to be our
    fault.
    """
    try:
        return await handler(request)
    except ApiError as error:
        return error.response()
    except ValidationError as error:
        return invalid(error).response()
    except web.HTTPException as error:
        return _http_error(request, error).response()
    except Exception:
        log.exception("%s %s failed", request.method, request.path)
        return ApiError(500, "The server failed to answer this request; its log says why").response()


def _http_error(request: web.Request, error: web.HTTPException) -> ApiError:
    messages = {
        404: f"There is no {request.path} here",
        405: f"{request.method} is not possible on {request.path}",
        413: "The request body is larger than this server accepts",
    }
    return ApiError(error.status, messages.get(error.status, error.reason))
