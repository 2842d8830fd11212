"""Which models answer, in the words of the services that hold them: what is simulated says so up to the page."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from raglab.services.query_router.models import ServedModel
from raglab.services.query_router.settings import EMBEDDING, LLM, Settings

LIMIT = 2.0
"""Seconds for a service to answer."""


async def models(settings: Settings) -> list[ServedModel]:
    """The language model and the embedding model. Of a service that does not answer, only the configured name."""
    wanted = (
        (LLM, settings.llm_api, settings.llm_model),
        (EMBEDDING, settings.embedding_api, settings.embedding_model),
    )
    async with httpx.AsyncClient(timeout=LIMIT) as client:
        return list(await asyncio.gather(*(_served(client, *one) for one in wanted)))


async def _served(client: httpx.AsyncClient, service: str, api: str, name: str) -> ServedModel:
    try:
        entries = (await client.get(f"{api}/models")).raise_for_status().json()["data"]
        about = next((_about(entry) for entry in entries if entry.get("id") == name), None)
    except (httpx.HTTPError, ValueError, KeyError, TypeError, AttributeError):
        about = None
    if about is None:
        return ServedModel(service=service, model=name)
    simulated = bool(about.get("simulated", False))
    return ServedModel(
        service=service, model=name, simulated=simulated, answered_by=str(about.get("model", name))
    )


def _about(entry: dict[str, Any]) -> dict[str, Any]:
    """What the lab's stand-ins add to an entry of ``/v1/models``; a NIM adds nothing, for it is what its name says."""
    return entry.get("raglab") or {}
