"""Reads a stream of server-sent events strictly: every event is one `data:` line and one empty line."""

from __future__ import annotations

import json
from typing import Any

import httpx

LLM = "llama-2-7b-chat"


def chat(text: str = "Say hello.", **arguments: Any) -> dict[str, Any]:
    """A chat request with a short answer that is the same every time."""
    request = {
        "model": LLM,
        "messages": [{"role": "user", "content": text}],
        "max_tokens": 8,
        "temperature": 0,
    }
    return request | arguments


def events(response: httpx.Response) -> list[Any]:
    """The JSON of all events; the last one must be `[DONE]`."""
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/event-stream")
    blocks = response.read().decode().split("\n\n")
    assert blocks[-1] == "", "the stream must end with an empty line"
    assert all(block.startswith("data: ") and "\n" not in block for block in blocks[:-1])
    assert blocks[-2] == "data: [DONE]"
    return [json.loads(block.removeprefix("data: ")) for block in blocks[:-2]]


def text_of(chunks: list[Any], index: int = 0) -> str:
    """The text of one choice of a chat or completion stream."""
    choices = [choice for chunk in chunks for choice in chunk["choices"] if choice["index"] == index]
    return "".join(
        choice["text"] if "text" in choice else choice["delta"].get("content", "") for choice in choices
    )
