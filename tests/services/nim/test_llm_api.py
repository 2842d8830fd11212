"""The OpenAI methods of the LLM stand-in: what good requests get."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from tests.services.nim.conftest import Nim
from tests.services.nim.sse import LLM, chat, events, text_of

CHAT, TEXT = "/v1/chat/completions", "/v1/completions"


def test_chat_answers_with_a_message_and_its_usage(llm: Nim):
    with llm.client() as client:
        answer = client.post(CHAT, json=chat()).json()
    assert answer["object"] == "chat.completion"
    assert answer["id"].startswith("chatcmpl-")
    assert answer["model"] == LLM
    (choice,) = answer["choices"]
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"]
    assert choice["finish_reason"] in {"stop", "length"}
    usage = answer["usage"]
    assert 1 <= usage["completion_tokens"] <= 8
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


@pytest.mark.parametrize("path", [CHAT, TEXT])
def test_stream_carries_the_same_text_as_the_whole_answer(llm: Nim, path: str):
    request = (
        chat() if path == CHAT else {"model": LLM, "prompt": "The sky is", "max_tokens": 8, "temperature": 0}
    )
    with llm.client() as client:
        whole = client.post(path, json=request).json()["choices"][0]
        chunks = events(client.post(path, json=request | {"stream": True}))
    expected = whole["message"]["content"] if path == CHAT else whole["text"]
    assert text_of(chunks) == expected
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[-1]["choices"][0]["finish_reason"] == whole["finish_reason"]
    assert all(chunk["choices"][0]["finish_reason"] is None for chunk in chunks[:-1])
    assert "usage" not in chunks[-1]


def test_chat_stream_opens_with_the_role(llm: Nim):
    with llm.client() as client:
        chunks = events(client.post(CHAT, json=chat(stream=True)))
    assert chunks[0]["object"] == "chat.completion.chunk"
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}


def test_stream_can_end_with_its_usage(llm: Nim):
    request = chat(stream=True, stream_options={"include_usage": True}, n=2, ignore_eos=True)
    with llm.client() as client:
        chunks = events(client.post(CHAT, json=request))
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 16


def test_n_gives_separate_choices_and_counts_all_their_tokens(llm: Nim):
    with llm.client() as client:
        one = client.post(CHAT, json=chat(ignore_eos=True)).json()
        three = client.post(CHAT, json=chat(n=3, ignore_eos=True, temperature=1, seed=5)).json()
    assert [choice["index"] for choice in three["choices"]] == [0, 1, 2]
    assert three["usage"]["completion_tokens"] == 24
    assert three["usage"]["prompt_tokens"] == one["usage"]["prompt_tokens"]
    assert len({choice["message"]["content"] for choice in three["choices"]}) > 1


def test_several_prompts_give_one_choice_each(llm: Nim):
    prompts = ["The sky is", "Two plus two is"]
    request = {"model": LLM, "prompt": prompts, "max_tokens": 4, "temperature": 0, "ignore_eos": True}
    with llm.client() as client:
        both = client.post(TEXT, json=request).json()
        single = [client.post(TEXT, json=request | {"prompt": prompt}).json() for prompt in prompts]
    assert len(both["choices"]) == 2
    assert both["usage"]["prompt_tokens"] == sum(answer["usage"]["prompt_tokens"] for answer in single)
    assert both["usage"]["completion_tokens"] == 8


def test_stop_ends_the_text_before_the_stop(llm: Nim):
    request = {"model": LLM, "prompt": "1 2 3 4 5 6", "max_tokens": 40, "temperature": 0}
    with llm.client() as client:
        free = client.post(TEXT, json=request).json()["choices"][0]["text"]
        stop = free.split()[2]
        stopped = client.post(TEXT, json=request | {"stop": [stop]}).json()["choices"][0]
        chunks = events(client.post(TEXT, json=request | {"stop": stop, "stream": True}))
    assert stopped["finish_reason"] == "stop"
    assert stopped["text"] == free[: free.index(stop)]
    assert text_of(chunks) == stopped["text"]


def test_a_seed_repeats_and_another_one_does_not(llm: Nim):
    request = chat("Tell me a story.", temperature=1.5, max_tokens=24)
    with llm.client() as client:

        def text(seed: int) -> str:
            return client.post(CHAT, json=request | {"seed": seed}).json()["choices"][0]["message"]["content"]

        first, again, other = text(7), text(7), text(8)
    assert first == again
    assert first != other


def test_completions_stop_at_sixteen_tokens_by_default(llm: Nim):
    with llm.client() as client:
        answer = client.post(TEXT, json={"model": LLM, "prompt": "Once", "ignore_eos": True}).json()
    assert answer["usage"]["completion_tokens"] == 16
    assert answer["choices"][0]["finish_reason"] == "length"


def test_frequency_penalty_changes_a_repetitive_text(llm: Nim):
    request = {"model": LLM, "prompt": "la la la la la la", "max_tokens": 12, "temperature": 0}
    with llm.client() as client:
        plain = client.post(TEXT, json=request).json()["choices"][0]["text"]
        varied = client.post(TEXT, json=request | {"frequency_penalty": 2}).json()["choices"][0]["text"]
    assert max(Counter(plain).values()) > max(Counter(varied).values())


def test_logprobs_in_both_forms(llm: Nim):
    with llm.client() as client:
        chatted = client.post(CHAT, json=chat(logprobs=True, top_logprobs=2)).json()["choices"][0]
        request = {"model": LLM, "prompt": "The sky is", "max_tokens": 3, "temperature": 0, "logprobs": 2}
        completed = client.post(TEXT, json=request).json()["choices"][0]
    first = chatted["logprobs"]["content"][0]
    assert set(first) == {"token", "logprob", "bytes", "top_logprobs"}
    assert len(first["top_logprobs"]) == 2
    assert "".join(completed["logprobs"]["tokens"]) == completed["text"]
    assert completed["logprobs"]["text_offset"][0] == 0
    assert all(value <= 0 for value in completed["logprobs"]["token_logprobs"])


def test_json_schema_shapes_the_answer(llm: Nim):
    schema = {
        "type": "object",
        "properties": {"colour": {"type": "string", "maxLength": 12}},
        "required": ["colour"],
    }
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    with llm.client() as client:
        request = chat("Name a colour as JSON.", response_format=form, max_tokens=40)
        content = client.post(CHAT, json=request).json()["choices"][0]["message"]["content"]
    assert isinstance(json.loads(content)["colour"], str)


def test_content_may_come_in_parts_and_the_system_turn_counts(llm: Nim):
    parts = [{"type": "text", "text": "Say "}, {"type": "text", "text": "hello."}]
    with llm.client() as client:
        plain = client.post(CHAT, json=chat()).json()
        split = client.post(CHAT, json=chat(messages=[{"role": "user", "content": parts}])).json()
    assert split["usage"]["prompt_tokens"] == plain["usage"]["prompt_tokens"]
    assert split["choices"][0]["message"] == plain["choices"][0]["message"]


def test_a_missing_content_type_does_not_matter(llm: Nim):
    with llm.client() as client:
        assert client.post(CHAT, content=json.dumps(chat())).status_code == 200


def test_management_endpoints_say_what_really_answers(llm: Nim):
    with llm.client() as client:
        live, ready = client.get("/v1/health/live").json(), client.get("/v1/health/ready").json()
        (model,) = client.get("/v1/models").json()["data"]
        version, metadata = client.get("/v1/version").json(), client.get("/v1/metadata").json()
        licence = client.get("/v1/license").json()
    assert live["object"] == ready["object"] == "health.response"
    assert ready["ready"] is True
    assert model["id"] == model["root"] == LLM
    assert model["raglab"]["simulated"] is True
    assert model["raglab"]["file"] == "SmolLM2-135M-Instruct.Q8_0.gguf"
    assert set(version) == {"release", "api"}
    assert "simulated" in version["release"]
    assert {"assetInfo", "licenseInfo", "modelInfo", "version", "selectedModelProfileId"} <= set(metadata)
    assert licence["name"] == "Apache-2.0"
