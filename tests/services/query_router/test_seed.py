"""The three requests of the course, as its cells write them."""

from __future__ import annotations

import json
import mimetypes

import pytest
import requests

from raglab.paths import CHECKOUT
from tests.services.conftest import Running

PDF = CHECKOUT / "data" / "documents" / "llama2_overview.pdf"
QUESTION = "Can you talk about safety evaluation of llama2 chat?"


@pytest.fixture(scope="module", autouse=True)
def uploaded(router: Running) -> None:
    mime_type, _ = mimetypes.guess_type(PDF.name)
    with PDF.open("rb") as stream:
        response = requests.post(
            f"{router.url}/uploadDocument",
            headers={"accept": "application/json"},
            files={"file": (PDF.name, stream, mime_type)},
            timeout=90,
        )
    assert response.status_code == 200, response.text
    assert response.json() == {"message": "File uploaded successfully"}


def test_search_without_a_content_type(router: Running) -> None:
    data = json.dumps({"content": QUESTION, "num_docs": 4})
    response = requests.request(
        "POST", f"{router.url}/documentSearch", headers={"accept": "application/json"}, data=data, timeout=90
    )
    assert response.status_code == 200, response.text
    hits = response.json()
    assert len(hits) == 4
    assert [set(hit) for hit in hits] == [{"score", "source", "content"}] * 4
    assert {hit["source"] for hit in hits} == {PDF.name}
    scores = [hit["score"] for hit in hits]
    assert scores == sorted(scores, reverse=True)
    assert 0.3 < scores[-1] <= scores[0] <= 1
    assert any("safety" in hit["content"].lower() for hit in hits)


def test_generate_with_the_knowledge_base(router: Running) -> None:
    data = {
        "question": QUESTION,
        "context": "You are a polite and respectful chatbot answering technical questions.",
        "use_knowledge_base": "true",
        "num_tokens": 50,
    }
    text = ""
    with requests.post(f"{router.url}/generate", stream=True, json=data, timeout=90) as response:
        assert response.status_code == 200
        assert response.headers["content-type"].startswith("text/event-stream")
        for chunk in response.iter_content(16):
            text += chunk.decode("UTF-8", errors="replace")
    assert len(text.split()) > 5
    assert not text.startswith("data:")


def test_the_prompt_is_in_the_log_and_the_context_is_not(router: Running) -> None:
    log = router.output()
    assert "Prompt used for response generation:" in log
    assert f"Question: {QUESTION}" in log
    assert "polite and respectful" not in log


def test_generate_without_the_knowledge_base_uses_the_context(router: Running) -> None:
    data = {"question": "Who are you?", "context": "You are Ahab, a captain.", "use_knowledge_base": False}
    response = requests.post(f"{router.url}/generate", json=data, timeout=90)
    assert response.status_code == 200
    assert response.text
    last = router.output().rpartition("Prompt used for response generation:")[2]
    assert "[system] You are Ahab, a captain." in last
    assert "Passages" not in last


def test_answers_stop_at_num_tokens(router: Running) -> None:
    data = {"question": "Count from one to one hundred.", "context": "", "use_knowledge_base": False}
    short = requests.post(f"{router.url}/generate", json=data | {"num_tokens": 3}, timeout=90).text
    assert 0 < len(short) < 40
