"""The requests of the OpenAI API as a NIM for LLMs accepts them, checked before the model sees anything.

Names, types and ranges are OpenAI's, plus `ignore_eos`, `top_k`, `min_p` and `repetition_penalty`, which
NIM passes to its engine too. An argument nobody knows is refused, so that a misspelt one does not pass
unnoticed.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from raglab.services.nim.arguments import Arguments
from raglab.services.nim.errors import one_or_many

Text = Annotated[str, Field(min_length=1)]
Penalty = Annotated[float, Field(ge=-2, le=2)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class StreamOptions(_Strict):
    """What a stream carries besides its text."""

    include_usage: bool = False


class TextPart(_Strict):
    """One piece of a message's content."""

    type: Literal["text"]
    text: str


def _parts(content: Any) -> Any:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


class Message(_Strict):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: Annotated[list[TextPart], BeforeValidator(_parts)]
    name: str | None = None

    def plain(self) -> dict[str, str]:
        """The turn with its content as one string."""
        return {"role": self.role, "content": "".join(part.text for part in self.content)}


class ResponseFormat(_Strict):
    """Plain text, any JSON, or JSON by a schema."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: dict[str, Any] | None = None


class _Request(Arguments):
    model: Text
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int = Field(1, ge=1)
    max_tokens: int | None = Field(None, ge=1)
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    top_k: int | None = Field(None, ge=-1)
    min_p: float | None = Field(None, ge=0, le=1)
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    repetition_penalty: float | None = Field(None, gt=0, le=2)
    seed: int | None = Field(None, ge=-(2**63), lt=2**63)
    stop: Annotated[list[Text], Field(max_length=16), BeforeValidator(one_or_many)] | None = None
    logit_bias: dict[str, Annotated[float, Field(ge=-100, le=100)]] | None = None
    ignore_eos: bool = False
    user: str | None = None

    @field_validator("logit_bias")
    @classmethod
    def _token_ids(cls, bias: dict[str, float] | None) -> dict[str, float] | None:
        if bias and not all(token.isascii() and token.isdigit() for token in bias):
            raise ValueError("keys must be token numbers")
        return bias

    @model_validator(mode="after")
    def _options_need_a_stream(self) -> _Request:
        if self.stream_options and not self.stream:
            raise ValueError("stream_options is only allowed when stream is true")
        return self

    @property
    def choices(self) -> int:
        """How many texts this request asks for; each occupies one slot of the model."""
        return self.n

    @property
    def limit(self) -> int | None:
        """Most tokens to generate, None for as many as fit."""
        return self.max_tokens

    def sampling(self) -> dict[str, Any]:
        """The arguments in llama.cpp's names; what the client left out keeps OpenAI's default."""
        given = {
            "temperature": 1.0 if self.temperature is None else self.temperature,
            "top_p": 1.0 if self.top_p is None else self.top_p,
            "top_k": 0 if self.top_k in (None, -1) else self.top_k,
            "min_p": self.min_p or 0.0,
            "frequency_penalty": self.frequency_penalty,
            "presence_penalty": self.presence_penalty,
            "repeat_penalty": self.repetition_penalty,
            # llama.cpp's seeds are 32 bits wide, and the highest one means "random"
            "seed": None if self.seed is None else self.seed % 0xFFFFFFFF,
            "stop": self.stop,
            "logit_bias": [[int(key), value] for key, value in (self.logit_bias or {}).items()] or None,
            "ignore_eos": self.ignore_eos,
            "max_tokens": self.limit,
            "n": self.n,
        }
        return {name: value for name, value in given.items() if value is not None}


class ChatRequest(_Request):
    """POST /v1/chat/completions."""

    messages: list[Message] = Field(min_length=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    logprobs: bool = False
    top_logprobs: int | None = Field(None, ge=0, le=20)
    response_format: ResponseFormat | None = None

    @property
    def limit(self) -> int | None:
        return self.max_completion_tokens or self.max_tokens

    def engine(self) -> dict[str, Any]:
        """The request for llama.cpp."""
        request = self.sampling() | {"messages": [message.plain() for message in self.messages]}
        if self.logprobs:
            request |= {"logprobs": True, "top_logprobs": self.top_logprobs or 0}
        if self.response_format:
            request["response_format"] = self.response_format.model_dump(exclude_none=True)
        return request


class CompletionRequest(_Request):
    """POST /v1/completions; prompts are texts, not token numbers."""

    prompt: Annotated[list[Text], Field(min_length=1), BeforeValidator(one_or_many)]
    max_tokens: int | None = Field(16, ge=1)
    logprobs: int | None = Field(None, ge=0, le=5)
    best_of: Literal[1] | None = None
    echo: Literal[False] | None = None
    suffix: Literal[""] | None = None

    @property
    def choices(self) -> int:
        return self.n * len(self.prompt)

    def engine(self) -> dict[str, Any]:
        """The request for llama.cpp."""
        request = self.sampling() | {"prompt": self.prompt}
        return request if self.logprobs is None else request | {"logprobs": max(1, self.logprobs)}
