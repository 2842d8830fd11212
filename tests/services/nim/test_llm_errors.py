"""What bad requests get from the LLM stand-in: an OpenAI error object, the right status, never a traceback."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.services.nim.conftest import Nim
from tests.services.nim.sse import LLM, chat

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"
TEXT_REQUEST = {"model": LLM, "prompt": "a"}


def error_of(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    (name, error), *rest = response.json().items()
    assert name == "error" and not rest
    assert set(error) == {"message", "type", "param", "code"}
    assert "Traceback" not in response.text
    return error


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"text"', b"\xff\xfe", b'{"model": NaN}', b"null"])
def test_a_body_that_is_no_json_object_is_400(llm: Nim, content: bytes):
    with llm.client() as client:
        assert "JSON" in error_of(client.post(CHAT, content=content), 400)["message"]


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 2.1},
        {"temperature": -1},
        {"temperature": "hot"},
        {"top_p": 0},
        {"top_p": 1.1},
        {"max_tokens": 0},
        {"max_tokens": -5},
        {"max_tokens": "many"},
        {"n": 0},
        {"n": 5},
        {"frequency_penalty": 3},
        {"presence_penalty": -2.5},
        {"stop": [""]},
        {"stop": ["x"] * 17},
        {"stop": 4},
        {"seed": 1.5},
        {"logit_bias": {"word": 1}},
        {"logit_bias": {"5": 101}},
        {"stream": "maybe"},
        {"messages": []},
        {"messages": "hello"},
        {"messages": [{"role": "wizard", "content": "x"}]},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]},
        {"top_logprobs": 21, "logprobs": True},
        {"response_format": {"type": "yaml"}},
    ],
)
def test_bad_chat_arguments_are_400_and_named(llm: Nim, change: dict[str, Any]):
    with llm.client() as client:
        error = error_of(client.post(CHAT, json=chat(**change)), 400)
    assert error["type"] == "invalid_request_error"
    assert error["param"].split(".")[0] in change


@pytest.mark.parametrize(
    "change",
    [{"prompt": ""}, {"prompt": []}, {"prompt": [1, 2]}, {"echo": True}, {"best_of": 3}, {"logprobs": 6}],
)
def test_bad_completion_arguments_are_400_and_named(llm: Nim, change: dict[str, Any]):
    with llm.client() as client:
        error = error_of(client.post(TEXT, json=TEXT_REQUEST | change), 400)
    assert error["param"].split(".")[0] in change


@pytest.mark.parametrize("missing", ["model", "messages"])
def test_missing_arguments_are_named(llm: Nim, missing: str):
    request = chat()
    del request[missing]
    with llm.client() as client:
        assert error_of(client.post(CHAT, json=request), 400)["param"] == missing


def test_a_misspelt_argument_does_not_pass_unnoticed(llm: Nim):
    with llm.client() as client:
        assert "max_token" in error_of(client.post(CHAT, json=chat(max_token=5)), 400)["message"]


def test_usage_in_a_stream_needs_a_stream(llm: Nim):
    with llm.client() as client:
        error_of(client.post(CHAT, json=chat(stream_options={"include_usage": True})), 400)


@pytest.mark.parametrize("path", [CHAT, TEXT])
def test_an_unknown_model_is_404(llm: Nim, path: str):
    request = (chat() if path == CHAT else TEXT_REQUEST) | {"model": "gpt-9"}
    with llm.client() as client:
        error = error_of(client.post(path, json=request), 404)
    assert error["code"] == "model_not_found"
    assert "gpt-9" in error["message"]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(("words", "tokens"), [(6000, 8), (20, 4090)])
def test_a_request_beyond_the_context_length_is_400(llm: Nim, words: int, tokens: int, stream: bool):
    with llm.client() as client:
        response = client.post(CHAT, json=chat("word " * words, max_tokens=tokens, stream=stream))
        error = error_of(response, 400)
        assert client.post(CHAT, json=chat()).status_code == 200
    assert error["code"] == "context_length_exceeded"
    assert "4096" in error["message"]


def test_a_body_that_is_too_large_is_413(llm: Nim):
    with llm.client() as client:
        error_of(client.post(CHAT, json=chat("x" * 1_100_000)), 413)


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", CHAT, 405), ("GET", "/v2/x", 404), ("PUT", "/", 404)]
)
def test_unknown_paths_and_methods(llm: Nim, method: str, path: str, status: int):
    with llm.client() as client:
        error_of(client.request(method, path), status)


def test_null_means_left_out(llm: Nim):
    nulls = dict.fromkeys(
        ("n", "stop", "seed", "stream", "frequency_penalty", "temperature", "top_p", "logprobs")
    )
    with llm.client() as client:
        assert client.post(CHAT, json=chat() | nulls).status_code == 200
        assert error_of(client.post(CHAT, json=chat(messages=None)), 400)["param"] == "messages"
        assert error_of(client.post(CHAT, json=chat(temprature=None)), 400)["param"] == "temprature"
