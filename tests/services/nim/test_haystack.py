"""The clients that Haystack has for NIMs work against the stand-ins as they are."""

from __future__ import annotations

import pytest
from haystack import Document
from haystack.dataclasses import ChatMessage
from haystack_integrations.components.embedders.nvidia import NvidiaDocumentEmbedder, NvidiaTextEmbedder
from haystack_integrations.components.generators.nvidia import NvidiaChatGenerator

from tests.services.nim.conftest import Nim


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("NVIDIA_API_KEY", "unused")


def test_text_embedder(embedding: Nim):
    embedder = NvidiaTextEmbedder(model="NV-Embed-QA", api_url=f"{embedding.url}/v1", truncate="END")
    embedder.warm_up()
    result = embedder.run("What does a readiness probe do?")
    assert len(result["embedding"]) == 384
    assert result["meta"]["usage"]["total_tokens"] > 0


def test_document_embedder(embedding: Nim):
    embedder = NvidiaDocumentEmbedder(model="NV-Embed-QA", api_url=f"{embedding.url}/v1", truncate="END")
    embedder.warm_up()
    documents = embedder.run([Document(content=f"text {number}") for number in range(40)])["documents"]
    assert all(len(document.embedding) == 384 for document in documents)


@pytest.mark.parametrize("streaming", [False, True])
def test_chat_generator(llm: Nim, streaming: bool):
    pieces: list[str] = []
    generator = NvidiaChatGenerator(
        model="llama-2-7b-chat",
        api_base_url=f"{llm.url}/v1",
        generation_kwargs={"max_tokens": 12, "temperature": 0},
        streaming_callback=(lambda chunk: pieces.append(chunk.content)) if streaming else None,
    )
    (reply,) = generator.run([ChatMessage.from_user("Say hello.")])["replies"]
    assert reply.text
    assert "".join(pieces) == (reply.text if streaming else "")
