"""Lesson 07: how models are graded, and its checks: right states pass, wrong ones are told with the fix."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from raglab import paths
from raglab.lesson import cluster, grading, preparing
from raglab.lesson.checks import lesson_07
from raglab.lesson.evaluation import questions
from raglab.lesson.grading import Answer, Grade
from raglab.lesson.waiting import GaveUp, wait_for


def grade_of(right: int, questions: int = 12) -> Grade:
    return Grade(tuple(Answer("?", "", number < right) for number in range(questions)))


def test_every_passage_holds_the_keywords_and_stands_in_the_document() -> None:
    text = " ".join((paths.CHECKOUT / "data" / "src" / "llama2_overview.md").read_text().split())
    by_id = {question["id"]: question for question in questions("llama2_overview.pdf")}
    lines = (paths.CHECKOUT / "data" / "reading.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    assert len(entries) == 12
    for entry in entries:
        assert entry["passage"] in text
        assert all(word.casefold() in entry["passage"].casefold() for word in by_id[entry["id"]]["keywords"])


def test_a_model_that_reads_is_graded_above_one_that_does_not() -> None:
    reader, babbler = grading.grade(lambda passage, question: passage), grading.grade(lambda *_: "[INST]")
    assert (reader.right, reader.share, babbler.right) == (12, 1.0, 0)
    assert all(answer.question.endswith("?") for answer in reader.answers)


@pytest.mark.parametrize(
    ("candidate", "present", "passes"),
    [(8, 8, True), (5, 8, True), (4, 8, False), (0, 8, False), (12, 8, True)],
)
def test_a_candidate_may_fall_behind_by_chance_only(candidate: int, present: int, passes: bool) -> None:
    assert grade_of(candidate).keeps_up_with(grade_of(present)) is passes
    assert lesson_07.accepted(grade_of(candidate), grade_of(present)).passed is passes
    assert lesson_07.refused(grade_of(candidate), grade_of(present)).passed is not passes


def test_other_answers_are_judged() -> None:
    assert lesson_07.incumbent(grade_of(7)).passed
    assert not lesson_07.incumbent(grade_of(2)).passed
    assert lesson_07.markers(grade_of(4), grade_of(8)).passed
    assert not lesson_07.markers(grade_of(8), grade_of(8)).passed
    assert lesson_07.outage(12, 3.5).passed
    assert not lesson_07.outage(0, 3.5).passed


def test_waiting_for_what_a_function_tells(capsys: pytest.CaptureFixture[str]) -> None:
    told = iter([False, True])
    wait_for("the second look", until=lambda: next(told))
    assert capsys.readouterr().out == "✓ the second look\n"
    with pytest.raises(GaveUp, match="never: not seen in time"):
        wait_for("never", until=lambda: False, seconds=0)


class Cluster:
    """A cluster that answers from these fields, and the model and the query-router on its node."""

    def __init__(self) -> None:
        self.replicas = {lesson_07.FIRST: 0, lesson_07.SECOND: 1}
        self.ready = {lesson_07.FIRST: 1, lesson_07.SECOND: 1}
        self.names = [lesson_07.NEW, lesson_07.OLD]
        self.releases, self.namespaces = ["rag-app"], ["rag-sample"]
        self.log, self.router = "ready", 200

    def get(self, kind: str, name: str, **more: str) -> dict[str, Any]:
        return {"spec": {"replicas": self.replicas[name]}, "status": {"readyReplicas": self.ready[name]}}

    def answer(self, path: str) -> tuple[int, Any]:
        if path == "/v1/models":
            return 200, {"data": [{"id": name} for name in self.names]}
        return self.router, {"message": "404 - The model does not exist."}


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    made = Cluster()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body = made.answer(self.path)
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET

        def log_message(self, *arguments: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("NODE_ADDRESS", "127.0.0.1")
    monkeypatch.setattr(lesson_07, "PORT", server.server_port)
    monkeypatch.setattr(lesson_07, "ROUTER_PORT", server.server_port)
    monkeypatch.setattr(cluster, "get", made.get)
    monkeypatch.setattr(cluster, "kubectl", lambda *arguments, **more: made.log)
    monkeypatch.setattr(
        cluster, "exists", lambda kind, name, **more: kind == "pod" or name in made.namespaces
    )
    listed = [{"name": name} for name in made.releases]
    monkeypatch.setattr(cluster, "run", lambda *arguments, **more: json.dumps(listed))
    monkeypatch.setattr(preparing, "gpus", lambda: (1, 4))
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_switch_needs_the_new_model_both_names_no_failure_and_enough_requests(fake: Cluster) -> None:
    assert lesson_07.switched(1200, 0).passed
    assert not lesson_07.switched(1200, 1).passed
    assert not lesson_07.switched(999, 0).passed
    fake.replicas[lesson_07.FIRST] = 1
    assert not lesson_07.switched(1200, 0).passed
    fake.replicas[lesson_07.FIRST], fake.names = 0, [lesson_07.NEW]
    assert not lesson_07.switched(1200, 0).passed


def test_a_pod_without_its_model_is_told_which_command_brings_it(fake: Cluster) -> None:
    assert lesson_07.beside().passed
    fake.ready[lesson_07.SECOND] = 0
    assert lesson_07.beside().next.startswith("kubectl describe pod nemollm-mistral-0")
    fake.log = "ERROR the model cannot be loaded: x answers to y, but z is missing: run `raglab models add x`"
    assert lesson_07.beside().next == "raglab models add x"


def test_the_application_is_asked_itself(fake: Cluster) -> None:
    assert lesson_07.repaired().passed
    fake.router = 502
    assert "does not exist" in lesson_07.repaired().observed


def test_what_is_left_is_named(fake: Cluster) -> None:
    fake.names = [lesson_07.OLD]
    assert lesson_07.leaves().passed
    fake.namespaces.append("locust")
    assert "namespace locust" in lesson_07.leaves().observed
