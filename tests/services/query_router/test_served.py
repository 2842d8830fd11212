"""Which models the router says answer, and whether they are stand-ins."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx

from tests.services.conftest import Running, free_address
from tests.services.query_router.conftest import StartRouter

NIM = (
    b'{"object":"list","data":[{"id":"llama-2-7b-chat","object":"model","created":1,"owned_by":"system",'
    b'"root":"llama-2-7b-chat","parent":null,"max_model_len":4096}]}'
)


def models(router: Running) -> list[dict[str, Any]]:
    return httpx.get(f"{router.url}/models", timeout=30, trust_env=False).json()["models"]


def test_the_stand_ins_say_what_they_are(router: Running) -> None:
    language, embedding = models(router)
    assert (language["service"], language["model"]) == ("nemollm-inference", "llama-2-7b-chat")
    assert (embedding["service"], embedding["model"]) == ("nemollm-embedding", "NV-Embed-QA")
    assert language["simulated"] is embedding["simulated"] is True
    assert "SmolLM2" in language["answered_by"] and "MiniLM" in embedding["answered_by"]


def test_of_what_does_not_answer_nothing_is_claimed(start_router: StartRouter) -> None:
    router = start_router(APP_LLM_SERVERURL=f"{free_address()}:5999", APP_EMBEDDINGS_MODELNAME="other")
    for model in models(router):
        assert (model["simulated"], model["answered_by"]) == (None, "")


async def real_nim(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answers as NIM for LLMs 1.x does at ``/v1/models``: with nothing about stand-ins."""
    await reader.readuntil(b"\r\n\r\n")
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(NIM)}\r\n\r\n"
    writer.write(head.encode() + NIM)
    await writer.drain()
    writer.close()


async def test_a_real_nim_is_what_its_name_says(start_router: StartRouter) -> None:
    host = free_address()
    async with await asyncio.start_server(real_nim, host, 5996):
        router = await asyncio.to_thread(start_router, APP_LLM_SERVERURL=f"{host}:5996")
        language = (await asyncio.to_thread(models, router))[0]
    assert (language["simulated"], language["answered_by"]) == (False, "llama-2-7b-chat")
