"""What the page's service answers, on a real query-router, database and models."""

from __future__ import annotations

import hashlib
import re
import signal

import httpx
import pytest

from raglab.services.frontend.app import STATIC
from tests.services.conftest import Running, Start
from tests.services.frontend.conftest import PDF, QUESTION, ask, get, upload


@pytest.fixture(scope="module", autouse=True)
def uploaded(frontend: Running) -> None:
    assert upload(frontend, PDF.name, PDF.read_bytes()).status_code == 200


def kinds(events: list[dict]) -> list[str]:
    """The kinds of events in order, each once."""
    return list(dict.fromkeys(next(iter(event)) for event in events))


def test_passages_come_first_then_words_then_the_whole(frontend: Running) -> None:
    events = ask(frontend)
    assert kinds(events) == ["passages", "text", "html"]
    assert len(events) > 4, "the words come one by one"
    found = events[0]["passages"]
    assert len(found) == 4
    assert {one["source"] for one in found} == {PDF.name}
    assert [one["score"] for one in found] == sorted((one["score"] for one in found), reverse=True)
    text = "".join(event.get("text", "") for event in events)
    shown = re.sub(r"<[^>]+>", " ", events[-1]["html"])
    assert text.split()[:3] == shown.split()[:3]


def test_passages_are_those_of_the_routers_own_search(frontend: Running, router: Running) -> None:
    body = {"content": QUESTION, "num_docs": 4}
    found = httpx.post(f"{router.url}/documentSearch", json=body, timeout=60, trust_env=False).json()
    assert ask(frontend)[0]["passages"] == found


def test_without_the_knowledge_base_there_are_no_passages(frontend: Running) -> None:
    assert kinds(ask(frontend, knowledge_base=False)) == ["text", "html"]


def test_the_length_of_an_answer_is_what_was_asked_for(frontend: Running) -> None:
    question = "Count: one, two, three, four, five, six, seven"
    short = ask(frontend, question, knowledge_base=False, tokens=3)
    assert 0 < sum("text" in event for event in short) <= 3


def test_a_question_longer_than_allowed_is_told(frontend: Running) -> None:
    problem = ask(frontend, "why " * 6000)[-1]["problem"]
    assert problem["what"] == "This was not accepted"
    assert "20000" in problem["why"]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"3", b'{"question": "x"}', b'{"question": " ", "knowledge_base": true}']
)
def test_what_is_no_question_is_refused(frontend: Running, body: bytes) -> None:
    response = httpx.post(f"{frontend.url}/api/chat", content=body, timeout=60, trust_env=False)
    assert response.status_code == 400
    assert "question" in response.json()["message"].lower()


def test_documents_are_uploaded_listed_replaced_and_deleted(frontend: Running) -> None:
    for text in (b"The ferry is blue.", b"The ferry is green."):
        rows = upload(frontend, "ferry ä.txt", text).json()["documents"]
        assert [(row["filename"], row["chunks"]) for row in rows if "ferry" in row["filename"]] == [
            ("ferry ä.txt", 1)
        ]
    assert get(frontend, "/api/documents").json()["documents"] == rows
    where = f"{frontend.url}/api/documents"
    left = httpx.delete(where, params={"filename": "ferry ä.txt"}, timeout=60, trust_env=False).json()[
        "documents"
    ]
    assert [row["filename"] for row in left] == [PDF.name]
    again = httpx.delete(where, params={"filename": "ferry ä.txt"}, timeout=60, trust_env=False)
    assert again.status_code == 404
    assert "deleted it" in again.json()["problem"]["next"]


@pytest.mark.parametrize(
    ("name", "data", "status", "remedy"),
    [
        ("a.xyz", b"x", 415, "Save it as PDF"),
        ("a.pdf", b"no pdf", 422, "Change it"),
        ("a.txt", b"x" * 1_200_000, 413, "smaller"),
    ],
)
def test_a_file_that_cannot_be_taken_says_why_and_what_to_do(
    frontend: Running, name: str, data: bytes, status: int, remedy: str
) -> None:
    response = upload(frontend, name, data)
    assert response.status_code == status
    problem = response.json()["problem"]
    assert problem["why"] and remedy in problem["next"]


def test_what_is_simulated_is_told_by_the_model_servers(frontend: Running) -> None:
    state = get(frontend, "/api/state").json()
    assert state["ailing"] == []
    models = {one["service"]: one for one in state["models"]}
    assert models["nemollm-inference"]["model"] == "llama-2-7b-chat"
    assert models["nemollm-inference"]["simulated"] is True
    assert "SmolLM2" in models["nemollm-inference"]["answered_by"]
    assert models["nemollm-embedding"]["simulated"] is True


@pytest.mark.parametrize(
    ("site", "status"), [("cross-site", 403), ("same-site", 403), ("same-origin", 404), ("none", 404)]
)
def test_other_pages_may_change_nothing(frontend: Running, site: str, status: int) -> None:
    headers = {"Sec-Fetch-Site": site}
    path = f"{frontend.url}/api/documents?filename=nothing"
    assert httpx.delete(path, headers=headers, timeout=60, trust_env=False).status_code == status


def test_every_answer_forbids_foreign_content(frontend: Running) -> None:
    for path in ("/", "/static/main.js", "/api/state", "/nothing"):
        policy = get(frontend, path).headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "http" not in policy


def test_questions_are_counted_by_their_outcome(frontend: Running) -> None:
    series = 'frontend_questions_total{knowledge_base="no",outcome="answer"}'

    def number() -> float:
        found = re.search(rf"^{re.escape(series)} (\S+)$", get(frontend, "/metrics").text, re.MULTILINE)
        return float(found[1]) if found else 0.0

    before = number()
    ask(frontend, knowledge_base=False, tokens=2)
    assert number() == before + 1


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"PORT": "tcp://1"}, "PORT"),
        ({"APP_SERVERURL": "http://x:8081"}, "APP_SERVERURL"),
        ({"APP_SERVERPORT": "0"}, "APP_SERVERPORT"),
    ],
)
def test_a_bad_setting_ends_the_start_with_one_line(service: Start, env: dict[str, str], named: str) -> None:
    running = service("raglab.services.frontend", 8090, env)
    assert running.process.wait(60) == 1
    assert named in running.output()
    assert len(running.output().splitlines()) == 1


def test_it_ends_when_told(start_page, nowhere: str) -> None:
    assert start_page(nowhere).stop(signal.SIGTERM) in (0, -signal.SIGTERM)


def test_foreign_code_is_what_its_package_brought() -> None:
    folder = STATIC / "vendor" / "bootstrap"
    sums = dict(reversed(line.split()) for line in (folder / "SHA256SUMS").read_text().splitlines())
    found = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in folder.iterdir()}
    found.pop("SHA256SUMS")
    assert found == sums
