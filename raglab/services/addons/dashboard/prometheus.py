"""The questions a dashboard asks Prometheus."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from raglab.services.addons.dashboard.timerange import TimeRange

LIMIT = aiohttp.ClientTimeout(total=20, sock_connect=3)


class PrometheusError(Exception):
    """Prometheus gave no answer or refused the query; the message is for the person in front of the page."""


@dataclass(frozen=True)
class Series:
    """Labels and (seconds since the epoch, value) pairs in order of time."""

    labels: Mapping[str, str]
    samples: tuple[tuple[float, float], ...]


class Prometheus:
    """One server; `url` may hold a path under which the server's own paths lie."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self.url = session, url.rstrip("/")

    async def instant(self, query: str, at: float) -> list[Series]:
        """The value of a PromQL expression at a moment."""
        data = await self._ask("query", {"query": query, "time": f"{at:.3f}"})
        if data["resultType"] in ("scalar", "string"):
            return [Series({}, _samples([data["result"]]))]
        return [
            Series(item["metric"], _samples([item["value"]])) for item in data["result"] if "value" in item
        ]

    async def range(self, query: str, over: TimeRange, step: float) -> list[Series]:
        """The values of a PromQL expression every `step` seconds."""
        parameters = {
            "query": query,
            "start": f"{over.start:.3f}",
            "end": f"{over.end:.3f}",
            "step": f"{step:g}",
        }
        data = await self._ask("query_range", parameters)
        return [
            Series(item["metric"], _samples(item["values"])) for item in data["result"] if "values" in item
        ]

    async def label_values(self, label: str, selector: str, over: TimeRange) -> list[str]:
        """Values of a label, sorted; `selector` ("" for any) chooses the series that count."""
        parameters = {"start": f"{over.start:.3f}", "end": f"{over.end:.3f}"} | (
            {"match[]": selector} if selector else {}
        )
        return sorted(await self._ask(f"label/{label}/values", parameters))

    async def _ask(self, endpoint: str, parameters: Mapping[str, str]) -> Any:
        """Queries go in the URL: it is what Prometheus caches and logs, and the longest of ours fit."""
        if not self.url:
            raise PrometheusError("No datasource says where Prometheus is.")
        try:
            async with self._session.get(
                f"{self.url}/api/v1/{endpoint}", params=parameters, timeout=LIMIT
            ) as answer:
                body = await answer.json(content_type=None)
        except TimeoutError:
            raise PrometheusError(f"Prometheus ({self.url}) gave no answer in time.") from None
        except (aiohttp.ClientError, ValueError) as error:
            raise PrometheusError(f"Prometheus ({self.url}) cannot be reached: {error}") from error
        if not isinstance(body, dict) or body.get("status") != "success":
            raise PrometheusError(f"Prometheus refused the query: {_reason(body)}")
        return body["data"]


def _reason(body: Any) -> str:
    return str(body.get("error") or body) if isinstance(body, dict) else f"{body!r} is not what it answers"


def _samples(pairs: list[Any]) -> tuple[tuple[float, float], ...]:
    return tuple((float(moment), float(value)) for moment, value in pairs)
