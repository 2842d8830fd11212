"""The questions can be answered from the documents, and the evidence stands where it is said to stand."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import docx
import pypdf
import pytest
from bs4 import BeautifulSoup

from raglab.services.query_router import extraction, splitting

DATA = Path(__file__).parents[3] / "data"
TYPES = {
    ".pdf": "application/pdf",
    ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ".html": "text/html",
    ".md": "text/markdown",
    ".txt": "text/plain",
}
QUESTIONS = [json.loads(line) for line in (DATA / "questions.jsonl").read_text(encoding="utf-8").splitlines()]
ANSWERABLE = [question for question in QUESTIONS if question["source"]]


def plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).casefold()


@cache
def passages(name: str) -> list[str]:
    """Text of a document in pieces no evidence may cross: pages of the PDF, the whole of the others."""
    path = DATA / "documents" / name
    match path.suffix:
        case ".pdf":
            return [plain(page.extract_text()) for page in pypdf.PdfReader(path).pages]
        case ".docx":
            return [plain(paragraph.text) for paragraph in docx.Document(str(path)).paragraphs]
        case ".html":
            return [plain(BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser").get_text(" "))]
        case _:
            return [plain(path.read_text(encoding="utf-8"))]


@cache
def chunks(name: str) -> list[str]:
    """What the query-router stores of a document, with the chart's sizes of chunks."""
    path = DATA / "documents" / name
    text = extraction.text_of(name, TYPES[path.suffix], path.read_bytes())
    return [plain(chunk.text) for chunk in splitting.chunks(text, size=128, overlap=32)]


def test_there_are_enough_questions_on_every_document():
    assert len(ANSWERABLE) >= 40
    assert len(QUESTIONS) - len(ANSWERABLE) >= 5
    names = {path.name for path in (DATA / "documents").iterdir()}
    assert {question["source"] for question in ANSWERABLE} == names


def test_ids_and_questions_are_unique():
    for field in ("id", "question"):
        values = [question[field] for question in QUESTIONS]
        assert len(set(values)) == len(values)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["id"])
def test_fields(question):
    assert list(question) == ["id", "question", "answer", "keywords", "source", "evidence"]
    assert question["question"].endswith("?")
    answered = [bool(question[field]) for field in ("answer", "keywords", "source", "evidence")]
    assert all(answered) or not any(answered)


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question["id"])
def test_evidence_stands_in_its_source_once_and_nowhere_else(question):
    hits = {
        path.name: sum(plain(question["evidence"]) in passage for passage in passages(path.name))
        for path in (DATA / "documents").iterdir()
    }
    assert hits.pop(question["source"]) == 1
    assert not any(hits.values())


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question["id"])
def test_the_expected_answer_has_the_keywords(question):
    """Keywords judge generated answers, so the reference answer must pass."""
    assert [word for word in question["keywords"] if plain(word) not in plain(question["answer"])] == []


@pytest.mark.parametrize("question", ANSWERABLE, ids=lambda question: question["id"])
def test_some_chunk_holds_the_whole_evidence(question):
    """Else no retriever could ever find it, and the hit rate would blame the wrong part."""
    assert any(plain(question["evidence"]) in chunk for chunk in chunks(question["source"]))
