"""Shapes the model's events into answers of the OpenAI API: whole objects and stream chunks, for chat and
for text.
"""

from __future__ import annotations

import time
import uuid
from abc import ABC, abstractmethod
from typing import Any

from raglab.services.nim.llama import Event


def usage(prompt_tokens: int, completion_tokens: int) -> dict[str, int]:
    """The usage object; completion tokens are those of all choices together."""
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }


class Answer(ABC):
    """Collects the choices of one request and writes them in one API's form."""

    prefix: str
    whole_object: str
    chunk_object: str

    def __init__(self, model: str, choices: int) -> None:
        self._head = {"id": f"{self.prefix}-{uuid.uuid4().hex}", "created": int(time.time()), "model": model}
        self._texts = [""] * choices
        self._logprobs: list[list[dict[str, Any]]] = [[] for _ in range(choices)]
        self._reasons: list[str | None] = [None] * choices
        self._begun: set[int] = set()

    @property
    def reasons(self) -> list[str]:
        """Why each choice ended, as far as it did."""
        return [reason for reason in self._reasons if reason]

    def add(self, event: Event) -> list[dict[str, Any]]:
        """Takes an event in and returns the stream chunks it makes."""
        chunks = []
        if event.index not in self._begun:
            self._begun.add(event.index)
            chunks += self._opening(event.index)
        self._texts[event.index] += event.text
        self._logprobs[event.index] += event.logprobs
        if event.finish_reason:
            self._reasons[event.index] = event.finish_reason
        if event.text or event.finish_reason:
            chunks.append(self.chunk([self._piece(event)]))
        return chunks

    def chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        """A stream chunk."""
        return {**self._head, "object": self.chunk_object, "choices": choices}

    def whole(self, spent: dict[str, int]) -> dict[str, Any]:
        """The complete answer."""
        choices = [self._choice(index) for index in range(len(self._texts))]
        return {**self._head, "object": self.whole_object, "choices": choices, "usage": spent}

    @abstractmethod
    def _opening(self, index: int) -> list[dict[str, Any]]: ...

    @abstractmethod
    def _piece(self, event: Event) -> dict[str, Any]: ...

    @abstractmethod
    def _choice(self, index: int) -> dict[str, Any]: ...


class ChatAnswer(Answer):
    """Answers of /v1/chat/completions."""

    prefix, whole_object, chunk_object = "chatcmpl", "chat.completion", "chat.completion.chunk"

    def _opening(self, index: int) -> list[dict[str, Any]]:
        delta = {"role": "assistant", "content": ""}
        return [self.chunk([{"index": index, "delta": delta, "logprobs": None, "finish_reason": None}])]

    def _piece(self, event: Event) -> dict[str, Any]:
        return {
            "index": event.index,
            "delta": {"content": event.text} if event.text else {},
            "logprobs": _chat_logprobs(event.logprobs),
            "finish_reason": event.finish_reason,
        }

    def _choice(self, index: int) -> dict[str, Any]:
        return {
            "index": index,
            "message": {"role": "assistant", "content": self._texts[index]},
            "logprobs": _chat_logprobs(self._logprobs[index]),
            "finish_reason": self._reasons[index],
        }


class TextAnswer(Answer):
    """Answers of /v1/completions."""

    prefix, whole_object, chunk_object = "cmpl", "text_completion", "text_completion"

    def _opening(self, index: int) -> list[dict[str, Any]]:
        return []

    def _piece(self, event: Event) -> dict[str, Any]:
        offset = len(self._texts[event.index]) - len(event.text)
        return self._form(event.index, event.text, event.logprobs, event.finish_reason, offset)

    def _choice(self, index: int) -> dict[str, Any]:
        return self._form(index, self._texts[index], self._logprobs[index], self._reasons[index], 0)

    @staticmethod
    def _form(
        index: int, text: str, logprobs: list[dict[str, Any]], reason: str | None, offset: int
    ) -> dict[str, Any]:
        return {
            "index": index,
            "text": text,
            "logprobs": _text_logprobs(logprobs, offset),
            "finish_reason": reason,
        }


def _chat_logprobs(tokens: list[dict[str, Any]]) -> dict[str, Any] | None:
    if not tokens:
        return None
    return {"content": [_without_id(token) for token in tokens]}


def _without_id(token: dict[str, Any]) -> dict[str, Any]:
    plain = {key: token[key] for key in ("token", "logprob", "bytes")}
    return plain | {"top_logprobs": [_without_id(top) for top in token.get("top_logprobs", [])]}


def _text_logprobs(tokens: list[dict[str, Any]], offset: int) -> dict[str, Any] | None:
    """The parallel lists of the older completions API."""
    if not tokens:
        return None
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token["token"])
    return {
        "tokens": [token["token"] for token in tokens],
        "token_logprobs": [token["logprob"] for token in tokens],
        "top_logprobs": [{top["token"]: top["logprob"] for top in token["top_logprobs"]} for token in tokens],
        "text_offset": offsets,
    }
