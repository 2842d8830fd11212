"""Services that are down, come back, or break off: what the page is told, and what still works."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from raglab.services.frontend import chat, problems
from raglab.services.frontend.rendering import html
from raglab.services.query_router.service import CUT_OFF
from tests.services.conftest import free_address
from tests.services.frontend.conftest import StartPage, ask, get, upload
from tests.services.query_router.conftest import StartRouter
from tests.services.query_router.test_failures import broken_llm


def test_without_a_query_router_every_answer_says_so(start_page: StartPage, nowhere: str) -> None:
    page = start_page(nowhere, POD_NAMESPACE="here")
    told = [ask(page)[-1], upload(page, "a.txt", b"x").json(), get(page, "/api/documents").json()]
    for problem in (one["problem"] for one in told):
        assert problem["what"] == "The query-router does not answer"
        assert nowhere in problem["why"]
        assert problem["command"] == "kubectl get pods -l app.kubernetes.io/name=query-router -n here"
    assert get(page, "/api/state").json()["ailing"][0]["service"] == "query-router"
    assert get(page, "/health").status_code == 200
    assert "Traceback" not in page.output()


def test_without_the_language_model_the_passages_are_still_shown(
    start_page: StartPage, start_router: StartRouter
) -> None:
    page = start_page(start_router(APP_LLM_SERVERURL=f"{free_address()}:5999").host)
    assert upload(page, "cow.txt", b"The cow is brown.").status_code == 200
    events = ask(page, "What colour is the cow?")
    assert events[0]["passages"][0]["content"] == "The cow is brown."
    assert events[-1]["problem"]["service"] == "nemollm-inference"
    state = get(page, "/api/state").json()
    assert [one["service"] for one in state["ailing"]] == ["nemollm-inference"]
    assert state["models"][0] == {
        "service": "nemollm-inference",
        "model": "llama-2-7b-chat",
        "simulated": None,
        "answered_by": "",
    }


def test_without_the_embedding_model_it_says_what_still_works(
    start_page: StartPage, start_router: StartRouter
) -> None:
    page = start_page(start_router(APP_EMBEDDINGS_SERVERURL=f"{free_address()}:5999").host)
    problem = ask(page)[-1]["problem"]
    assert problem["what"] == "The embedding model does not answer"
    assert "without the knowledge base" in problem["next"]
    assert "html" in ask(page, knowledge_base=False)[-1]


def test_a_wrong_model_name_is_a_fault_of_the_values(
    start_page: StartPage, start_router: StartRouter
) -> None:
    page = start_page(start_router(APP_LLM_MODELNAME="mistral-7b-instruct").host)
    problem = ask(page, knowledge_base=False)[-1]["problem"]
    assert problem["what"] == "The parts do not fit together"
    assert "mistral-7b-instruct" in problem["why"]
    assert "helm get values" in problem["command"]


async def test_an_answer_that_breaks_off_keeps_what_came(
    start_page: StartPage, start_router: StartRouter
) -> None:
    host = free_address()
    async with await asyncio.start_server(broken_llm, host, 5998):
        router = await asyncio.to_thread(start_router, APP_LLM_SERVERURL=f"{host}:5998")
        page = await asyncio.to_thread(start_page, router.host)
        events = await asyncio.to_thread(ask, page, knowledge_base=False)
    assert events[-2]["html"] == "<p>The first grüße</p>\n"
    assert events[-1]["problem"]["what"] == "The answer broke off"


def test_a_router_that_falls_silent_is_told() -> None:
    problem = problems.too_late("http://query-router:8081", "")
    assert problem.status == 504
    assert problem.command == "kubectl logs deployment/query-router --tail=20"


def test_the_routers_mark_of_a_broken_answer_is_known() -> None:
    found = chat.CUT_OFF.search("Some words." + CUT_OFF.format(reason="the model [x] is gone"))
    assert found and found[1] == "the model [x] is gone"
    assert not chat.CUT_OFF.search("[The answer ends here: no]")


@pytest.mark.parametrize(
    ("status", "body", "what"),
    [
        (503, {"message": "m", "dependency": "pgvector"}, "The database does not answer"),
        (503, {"message": "m", "dependency": "nemollm-embedding"}, "The embedding model does not answer"),
        (503, {"message": "m"}, "The query-router failed"),
        (502, {"message": "m", "dependency": "pgvector"}, "The parts do not fit together"),
        (500, {"message": "m"}, "The query-router failed"),
        (422, {"detail": [{"msg": "too long"}]}, "This was not accepted"),
        (413, ["no", "object"], "This was not accepted"),
    ],
)
def test_every_status_becomes_words(status: int, body: object, what: str) -> None:
    problem = problems.refused(httpx.Response(status, json=body), "rag-sample")
    assert problem.what == what
    assert problem.why and problem.next


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("**bold**", "<p><strong>bold</strong></p>"),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        ("[a](javascript:alert(1))", "<p>[a](javascript:alert(1))</p>"),
        ("a\n\n| x |\n|---|\n| y |", "<table>"),
        ("", ""),
    ],
)
def test_markdown_is_laid_out_and_nothing_runs(text: str, shown: str) -> None:
    assert shown in html(text)


def test_a_picture_in_an_answer_is_not_fetched() -> None:
    assert "<img" not in html("![x](https://example.com/x.png)")
