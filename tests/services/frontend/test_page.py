"""The page in a real browser, as a person uses it, on real answers."""

from __future__ import annotations

import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.browser import chat
from tests.browser.chat import IDLE, READY, WORDS
from tests.browser.page import Page
from tests.services.conftest import Running, Start, free_address
from tests.services.frontend.conftest import PDF, POLICY, QUESTION, StartPage, get
from tests.services.query_router.conftest import MODULE, PORT, StartRouter, router_environment

AGAIN = f"""(() => {{ document.querySelector('#confirm').close();
    document.querySelector("[aria-label='Delete {POLICY.name}']").click();
    return document.querySelector('#confirm').open; }})()"""
"""Closes the dialog and asks for the deletion again in one moment: before the dialog tells that it was closed."""
LOOKS = [{}, {"dark": True}, {"width": 360, "height": 740}, {"width": 360, "height": 740, "dark": True}]
NAMES = ["light", "dark", "phone", "dark phone"]


@pytest.fixture(scope="module", autouse=True)
def uploaded(router: Running) -> None:
    """The course's PDF is in the knowledge base."""
    files = {"file": (PDF.name, PDF.read_bytes())}
    httpx.post(f"{router.url}/uploadDocument", files=files, timeout=90, trust_env=False).raise_for_status()


def open_page(page: Page, frontend: Running, tab: str = "chat") -> Page:
    return page.open(f"{frontend.url}/#{tab}").until(READY).until("!document.querySelector('#count').hidden")


def ask(page: Page, question: str = QUESTION, tokens: str = "50") -> Page:
    """An answer of at most `tokens`, to the end."""
    page.select("#tokens", tokens)
    return chat.ask(page, question)


def fits(page: Page, width: int) -> bool:
    """Whether nothing must be scrolled sideways."""
    return page.run("document.documentElement.scrollWidth") <= width


def test_an_answer_with_passages(page: Page, frontend: Running) -> None:
    ask(open_page(page, frontend))
    assert page.texts(".question")[0].endswith(QUESTION)
    assert len(page.texts(".words")[0].split()) > 3
    assert page.run(f"{WORDS}.getAttribute('aria-busy')") == "false"
    sources = page.texts(".passage .source")
    assert sources == [PDF.name] * 4
    scores = [float(text.split()[-1]) for text in page.texts(".passage .score")]
    assert scores == sorted(scores, reverse=True) and 0.3 < scores[0] <= 1
    facts = page.texts(".facts")[0]
    assert "with the knowledge base" in facts and "SmolLM2" in facts and "first words after" in facts
    page.click(".passage summary")
    page.until("document.querySelector('.passage').open")
    assert len(page.texts(".passage .content")[0]) > 50


def test_words_appear_before_the_answer_is_complete(page: Page, frontend: Running) -> None:
    open_page(page, frontend)
    page.run("""{ window.seen = []; new MutationObserver(() => {
        const words = document.querySelector('.words');
        if (words?.ariaBusy === 'true' && !words.querySelector('.waiting')) window.seen.push(words.innerText.length);
    }).observe(document.querySelector('#turns'), {childList: true, subtree: true, characterData: true}); 0 }""")
    ask(page, "Write a long story about a ship.", "50")
    seen = page.run("window.seen")
    assert len(set(seen)) > 5, "the text grew in many steps"


def test_without_the_knowledge_base(page: Page, frontend: Running) -> None:
    open_page(page, frontend)
    page.click("#knowledge")
    ask(page, "Name a colour.")
    assert page.texts(".passage") == []
    assert "without the knowledge base" in page.texts(".facts")[0]


def test_what_is_simulated_is_said(page: Page, frontend: Running) -> None:
    open_page(page, frontend).until("!document.querySelector('#simulated').hidden")
    assert (
        "SmolLM2" in page.texts("#simulated")[0]
        and "in place of llama-2-7b-chat" in page.texts("#simulated")[0]
    )


def test_a_screen_reader_hears_whole_sentences(page: Page, frontend: Running) -> None:
    ask(open_page(page, frontend), "Tell me about ships. Use three sentences.", "50")
    spoken = page.run("[...document.querySelectorAll('#spoken p')].map((one) => one.innerText)")
    whole = page.run("JSON.parse(sessionStorage.turns)[0].text")
    assert "".join(" ".join(spoken).split()) == "".join(whole.split())
    assert page.run("document.querySelector('#status').innerText") == "The answer is complete."


def test_what_was_typed_and_answered_survives_a_reload(page: Page, frontend: Running) -> None:
    ask(open_page(page, frontend))
    answer = page.run(f"{WORDS}.innerText")
    page.type("A question that is not sent yet")
    page.open(f"{frontend.url}/?again").until(READY)
    assert page.run("document.querySelector('#question').value") == "A question that is not sent yet"
    assert page.run(f"{WORDS}.innerText") == answer
    assert len(page.texts(".passage")) == 4


def test_escape_stops_an_answer_and_frees_the_model(page: Page, frontend: Running, llm_nim: Running) -> None:
    open_page(page, frontend)
    page.click("#knowledge")
    page.select("#tokens", "500")
    chat.send(page, "Write a very long story about a ship and its crew.")
    page.until(f"{WORDS}?.innerText.length > 10 && !{WORDS}.querySelector('.waiting')")
    page.press("Escape")
    page.until(IDLE)
    assert "stopped by you" in page.texts(".facts")[0]
    assert len(page.run(f"{WORDS}.innerText")) > 10
    deadline = time.monotonic() + 10
    while running(llm_nim):
        assert time.monotonic() < deadline, "the model still writes"


def running(nim: Running) -> float:
    """Requests that the model works on."""
    lines = get(nim, "/v1/metrics").text.splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith("num_requests_running"))


def test_shift_and_enter_start_a_new_line(page: Page, frontend: Running) -> None:
    open_page(page, frontend)
    page.run("document.querySelector('#question').focus()")
    page.type("one")
    page.press("Enter", shift=True)
    page.type("two")
    assert page.run("document.querySelector('#question').value") == "one\ntwo"
    assert page.texts(".turn") == []


def test_a_document_is_uploaded_found_and_deleted(page: Page, frontend: Running) -> None:
    open_page(page, frontend, "documents")
    page.choose("#files", POLICY)
    page.until(
        f"document.querySelector('#uploads').innerText.includes('{POLICY.name} is in the knowledge base')", 60
    )
    assert sorted(page.texts("#list tbody th")) == sorted([POLICY.name, PDF.name])
    assert page.texts("#count") == ["2"]
    page.click("#chat-tab")
    ask(page, "What does the GPU policy of the lab say?")
    assert page.texts(".passage .source")[0] == POLICY.name
    page.click("#documents-tab")
    page.click(f"[aria-label='Delete {POLICY.name}']")
    page.until("document.querySelector('#confirm').open")
    assert page.violations() == []
    page.click("#confirm [value=no]")
    page.until("!document.querySelector('#confirm').open")
    page.click(f"[aria-label='Delete {POLICY.name}']")
    page.until("document.querySelector('#confirm').open")
    assert page.run(AGAIN)
    page.click("#confirm [value=yes]")
    page.until("document.querySelectorAll('#list tbody tr').length === 1")
    assert page.run("document.activeElement.id") == "list-title"


def test_the_progress_of_an_upload_is_shown(page: Page, frontend: Running, tmp_path: Path) -> None:
    """Many sentences: indexing takes long enough to be seen."""
    book = tmp_path / "book.txt"
    book.write_text(
        "".join(f"The cellar number {n} of the brewery holds {n * 11} barrels. " for n in range(600))
    )
    open_page(page, frontend, "documents")
    page.run("""{ window.seen = new Set(); new MutationObserver(() => {
        const rail = document.querySelector('.upload .progress');
        if (rail) window.seen.add(`${rail.ariaValueNow} ${rail.parentNode.innerText.includes('indexing')}`);
    }).observe(document.querySelector('#uploads'), {childList: true, subtree: true, attributes: true}); 0 }""")
    page.choose("#files", book)
    page.until(
        "document.querySelector('#uploads').innerText.includes('book.txt is in the knowledge base')", 90
    )
    assert "100 true" in page.run("[...window.seen]")
    httpx.delete(
        f"{frontend.url}/api/documents", params={"filename": "book.txt"}, timeout=60, trust_env=False
    )


def test_a_file_of_another_kind_says_why(page: Page, frontend: Running, tmp_path: Path) -> None:
    wrong = tmp_path / "table.xlsx"
    wrong.write_bytes(b"x")
    open_page(page, frontend, "documents")
    page.choose("#files", wrong)
    page.until("document.querySelector('#uploads .problem')")
    assert (
        "not supported" in page.texts("#uploads .problem")[0]
        and "Save it as PDF" in page.texts("#uploads .problem")[0]
    )


@pytest.mark.parametrize("look", LOOKS, ids=NAMES)
def test_it_shows_without_complaint_and_from_here_only(page: Page, frontend: Running, look: dict) -> None:
    width = look.get("width", 1280)
    open_page(page.look(**look), frontend)
    assert page.violations() == [] and fits(page, width)
    ask(page)
    page.click(".passage summary")
    page.click("#services summary")
    assert page.violations() == [] and fits(page, width)
    page.click("#services summary")
    page.click("#documents-tab")
    page.until("document.querySelector('#documents').offsetHeight")
    assert page.violations() == [] and fits(page, width)
    assert page.complaints == []
    assert {urlsplit(url).netloc for url in page.requests if not url.startswith("data:")} == {
        frontend.address
    }


@pytest.mark.parametrize("look", LOOKS, ids=NAMES)
def test_a_problem_shows_what_why_and_what_next(
    page: Page, start_page: StartPage, nowhere: str, look: dict
) -> None:
    page.look(**look).open(start_page(nowhere).url)
    page.until("document.querySelector('#services .dot').dataset.state === 'ailing'")
    ask(page)
    shown = page.texts(".turn .problem")[0]
    for words in ("The query-router does not answer", nowhere, "try again", "kubectl get pods -l app"):
        assert words in shown
    assert page.texts(".question")[0].endswith(QUESTION)
    assert page.violations() == [] and fits(page, look.get("width", 1280))


def test_try_again_works_when_the_router_is_back(
    page: Page,
    service: Start,
    start_page: StartPage,
    router: Running,
    database,
    embedding_nim: Running,
    llm_nim: Running,
) -> None:
    host = free_address()
    ask(page.open(start_page(host).url))
    assert "does not answer" in page.texts(".turn .problem")[0]
    env = router_environment(f"{database.host}:5432", embedding_nim.address, llm_nim.address)
    back = service(MODULE, PORT, env, host=host)
    back.wait_until(lambda: back.answers("/health?dependencies=true"))
    page.click(".turn .again")
    page.until(f"document.querySelectorAll('.passage').length === 4 && {IDLE}", 90)
    assert page.texts(".turn .problem") == []
    page.until(f"{READY} && document.querySelectorAll('#list tbody tr').length")


def test_a_page_whose_own_pod_is_gone_says_so_and_keeps_the_text(
    page: Page, start_page: StartPage, router: Running
) -> None:
    mortal = start_page(router.host)
    open_page(page, mortal)
    mortal.stop()
    ask(page)
    assert "This page's own service does not answer" in page.texts(".turn .problem")[0]
    assert page.texts(".question")[0].endswith(QUESTION)


def test_without_the_language_model_passages_and_the_reason_are_shown(
    page: Page, start_page: StartPage, start_router: StartRouter
) -> None:
    page.open(start_page(start_router(APP_LLM_SERVERURL=f"{free_address()}:5999").host).url)
    ask(page)
    assert len(page.texts(".passage")) == 4
    assert "The language model does not answer" in page.texts(".turn .problem")[0]
    page.until("document.querySelector('#services-word').innerText === 'nemollm-inference is down'")
    assert page.violations() == []


def test_a_keyboard_reaches_everything_in_order(page: Page, frontend: Running) -> None:
    ask(open_page(page, frontend))
    page.run("document.querySelector('.skip').focus()")
    reached = []
    for _ in range(20):
        page.press("Tab")
        reached.append(page.run("document.activeElement.id || document.activeElement.tagName"))
    assert reached[:2] == ["SUMMARY", "chat-tab"], "the state of the services, then the tabs"
    assert reached[2:6] == ["SUMMARY"] * 4, "the passages"
    assert reached[6:10] == ["question", "send", "knowledge", "tokens"]


def test_arrow_keys_change_tabs_and_the_address_names_them(page: Page, frontend: Running) -> None:
    open_page(page, frontend)
    page.run("document.querySelector('#chat-tab').focus()")
    page.press("ArrowRight")
    page.until("location.hash === '#documents' && document.querySelector('#documents').offsetHeight")
    assert page.run("document.activeElement.id") == "documents-tab"
