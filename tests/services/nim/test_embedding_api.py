"""The embedding stand-in over HTTP: vectors, formats, truncation, and every bad input."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np
import pytest

from tests.services.nim.conftest import Nim
from tests.services.nim.test_llm_errors import error_of

PATH, MODEL = "/v1/embeddings", "NV-Embed-QA"
LONG = "word " * 700


def ask(nim: Nim, text: str | list[str], **arguments: Any) -> dict[str, Any]:
    with nim.client() as client:
        response = client.post(
            PATH, json={"model": MODEL, "input": text, "input_type": "passage"} | arguments
        )
    assert response.status_code == 200, response.text
    return response.json()


def vectors(nim: Nim, text: str | list[str], **arguments: Any) -> np.ndarray:
    return np.array([entry["embedding"] for entry in ask(nim, text, **arguments)["data"]], np.float32)


def test_an_answer_has_one_unit_vector_per_text_in_order(embedding: Nim):
    answer = ask(embedding, ["a cat", "a dog", "a tax"])
    assert answer["object"] == "list"
    assert answer["model"] == MODEL
    assert [entry["index"] for entry in answer["data"]] == [0, 1, 2]
    assert {entry["object"] for entry in answer["data"]} == {"embedding"}
    matrix = np.array([entry["embedding"] for entry in answer["data"]])
    assert matrix.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-5)
    assert matrix[0] @ matrix[1] > matrix[0] @ matrix[2] + 0.2
    assert answer["usage"] == {"prompt_tokens": 12, "total_tokens": 12}


def test_a_vector_does_not_depend_on_its_company(embedding: Nim):
    text = "The liveness probe restarts a container that no longer answers."
    alone = vectors(embedding, text)[0]
    among = vectors(embedding, [LONG[:2000], text, "short", text])
    np.testing.assert_allclose(among[1], alone, atol=1e-5)
    np.testing.assert_allclose(among[3], alone, atol=1e-5)


def test_base64_holds_the_same_numbers(embedding: Nim):
    (entry,) = ask(embedding, "hello", encoding_format="base64")["data"]
    decoded = np.frombuffer(base64.b64decode(entry["embedding"]), "<f4")
    np.testing.assert_allclose(decoded, vectors(embedding, "hello")[0], atol=1e-7)


@pytest.mark.parametrize("suffix", ["-query", "-passage"])
def test_the_models_suffix_replaces_input_type(embedding: Nim, suffix: str):
    answer = ask(embedding, "hello", model=MODEL + suffix, input_type=None)
    assert answer["model"] == MODEL


def test_too_long_is_refused_unless_truncated(embedding: Nim):
    with embedding.client() as client:
        request = {"model": MODEL, "input": ["short", LONG], "input_type": "query"}
        for extra in ({}, {"truncate": "NONE"}):
            error = error_of(client.post(PATH, json=request | extra), 400)
            assert error["message"] == "Input length 702 exceeds maximum allowed token size 512"


def test_truncation_keeps_the_named_side(embedding: Nim):
    head, tail = "apple " * 510, "river " * 510
    text = head + tail
    np.testing.assert_allclose(
        vectors(embedding, text, truncate="END"), vectors(embedding, head.strip()), atol=1e-5
    )
    np.testing.assert_allclose(
        vectors(embedding, text, truncate="START"), vectors(embedding, tail.strip()), atol=1e-5
    )
    assert ask(embedding, text, truncate="END")["usage"]["prompt_tokens"] == 512


def test_exactly_the_limit_passes(embedding: Nim):
    assert ask(embedding, "word " * 510)["usage"]["prompt_tokens"] == 512


def test_special_tokens_in_a_text_are_just_text(embedding: Nim):
    assert ask(embedding, "[SEP]")["usage"]["prompt_tokens"] > 3


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"input": ""}, "input.0"),
        ({"input": []}, "input"),
        ({"input": ["a", ""]}, "input.1"),
        ({"input": ["a", 3]}, "input.1"),
        ({"input": [[1, 2]]}, "input.0"),
        ({"input": {"text": "a"}}, "input"),
        ({"input": None}, "input"),
        ({"input": ["a"] * 4097}, "input"),
        ({"input_type": "document"}, "input_type"),
        ({"truncate": "MIDDLE"}, "truncate"),
        ({"encoding_format": "hex"}, "encoding_format"),
        ({"dimensions": 384}, "dimensions"),
        ({"inputs": "a"}, "inputs"),
    ],
)
def test_bad_arguments_are_400_and_named(embedding: Nim, change: dict[str, Any], param: str):
    with embedding.client() as client:
        request = {"model": MODEL, "input": "a", "input_type": "query"} | change
        assert error_of(client.post(PATH, json=request), 400)["param"] == param


@pytest.mark.parametrize("missing", ["model", "input", "input_type"])
def test_missing_arguments_are_named(embedding: Nim, missing: str):
    request = {"model": MODEL, "input": "a", "input_type": "query"}
    del request[missing]
    with embedding.client() as client:
        error = error_of(client.post(PATH, json=request), 400)
    assert error["param"] == missing
    if missing == "input_type":
        assert error["message"] == "'input_type' parameter is required for asymmetric models"


@pytest.mark.parametrize("model", ["other", "other-query", "NV-Embed-QA-title"])
def test_an_unknown_model_is_404(embedding: Nim, model: str):
    with embedding.client() as client:
        request = {"model": model, "input": "a", "input_type": "query"}
        assert error_of(client.post(PATH, json=request), 404)["code"] == "model_not_found"


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"input": "\\ud800"}'])
def test_a_body_that_is_no_json_object_is_400(embedding: Nim, content: bytes):
    with embedding.client() as client:
        error_of(client.post(PATH, content=content), 400)


def test_management_endpoints_say_what_really_answers(embedding: Nim):
    with embedding.client() as client:
        (model,) = client.get("/v1/models").json()["data"]
        assert client.get("/v1/health/live").status_code == client.get("/v1/health/ready").status_code == 200
        assert "simulated" in client.get("/v1/version").json()["release"]
        assert client.get("/v1/metadata").json()["raglab"]["model"] == "all-MiniLM-L6-v2"
        assert "request_success_total" in client.get("/v1/metrics").text
    assert model["id"] == model["root"] == MODEL
    assert model["raglab"] | {"simulated": True, "dimensions": 384} == model["raglab"]
