"""The two questions that the adapter asks Prometheus: which series exist, and what a query gives now."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from yarl import URL

_JSON_STATUSES = frozenset({200, 400, 422, 503})
"""Prometheus answers with JSON in these cases; anything else comes from something in between."""


class PrometheusError(Exception):
    """Prometheus could not be asked or refused; the message is for the adapter's log."""


@dataclass(frozen=True)
class Sample:
    """One value of an instant query; `timestamp` in seconds since the epoch."""

    labels: Mapping[str, str] | None
    value: float
    timestamp: float


@dataclass(frozen=True)
class Result:
    """An instant query's answer; `type` is ``vector``, ``scalar``, ``matrix`` or ``string``."""

    type: str
    samples: tuple[Sample, ...]


class Prometheus:
    """A client for one server. `url` may have a path, under which the server's own paths lie."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, URL(url)

    async def series(self, selector: str, max_age: float) -> list[dict[str, str]]:
        """Label sets (with ``__name__``) of the series seen in the last `max_age` seconds."""
        start = f"{time.time() - max_age:.3f}"
        found = await self._get("series", {"match[]": selector, "start": start})
        return list(found)

    async def query(self, query: str) -> Result:
        """The value of a PromQL expression now."""
        data = await self._get("query", {"query": query, "time": f"{time.time():.3f}"})
        kind, result = data["resultType"], data["result"]
        if kind == "scalar":
            return Result(kind, (_sample(None, result),))
        return Result(
            kind, tuple(_sample(item["metric"], item["value"]) for item in result if "value" in item)
        )

    async def _get(self, endpoint: str, parameters: Mapping[str, str]) -> Any:
        url = self._url.with_path(f"{self._url.path.rstrip('/')}/api/v1/{endpoint}")
        try:
            async with self._session.get(url, params=parameters) as answer:
                if answer.status not in _JSON_STATUSES:
                    raise PrometheusError(f"bad_response: unknown response code {answer.status}")
                body = await answer.json(content_type=None)
        except TimeoutError as error:
            raise PrometheusError(f"Get {url}: no answer in time") from error
        except (aiohttp.ClientError, ValueError) as error:
            raise PrometheusError(f"Get {url}: {error}") from error
        if body.get("status") == "error":
            raise PrometheusError(f"{body.get('errorType')}: {body.get('error')}")
        return body["data"]


def _sample(labels: Mapping[str, str] | None, pair: tuple[float, str]) -> Sample:
    text = pair[1]
    number = {"+Inf": math.inf, "-Inf": -math.inf, "NaN": math.nan}.get(text)
    return Sample(labels, float(text) if number is None else number, float(pair[0]))
