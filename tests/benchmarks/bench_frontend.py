"""How long the page waits for words that the model has written already, and what a pod of it costs.

    pytest -s tests/benchmarks/bench_frontend.py

* from the model's first token to its text on the page (target: at most 1 s), and from Enter to that text
* start of the service until it answers, and its memory before and after the questions

The model's first token is timed on the line between query-router and LLM NIM, by a relay that looks at what it passes
on; the page's first text by an observer in the page. Both read the clock of this machine.
"""

from __future__ import annotations

import asyncio
import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import httpx
import psutil
import pytest

from tests.browser.page import Browser, Page
from tests.services.conftest import Running, embedding_nim, free_address, llm_nim, models, service  # noqa: F401 (fixtures)
from tests.services.frontend.conftest import PDF, QUESTION, start_page  # noqa: F401
from tests.services.pgvector.conftest import new_database  # noqa: F401
from tests.services.query_router.conftest import database, start_router  # noqa: F401

ROUNDS = 20
PORT = 5997
OBSERVER = """{ window.first = 0; window.pressed = 0;
    document.querySelector('#question').addEventListener('keydown', () => { window.pressed ||= Date.now(); });
    new MutationObserver(() => {
        const words = document.querySelector('.turn:last-child .words');
        if (words && !words.querySelector('.waiting') && words.innerText) window.first ||= Date.now();
    }).observe(document.querySelector('#turns'), {childList: true, subtree: true, characterData: true}); 0 }"""


class Relay:
    """Passes connections on to the LLM NIM; `first` is when an answer's first token passed, in epoch seconds."""

    def __init__(self, target: Running) -> None:
        self._target, self.host, self.first = target, free_address(), 0.0
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        threading.Thread(target=self._run, daemon=True).start()
        assert self._started.wait(10)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(self._connect, self.host, PORT))
        self._started.set()
        self._loop.run_forever()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._target.host, self._target.port)
        await asyncio.gather(self._pass(reader, back, False), self._pass(there, writer, True))

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, answers: bool) -> None:
        with suppress(ConnectionError):
            while data := await source.read(65536):
                if answers and b'"content":"' in data.replace(b'"content":""', b"").replace(b": ", b":"):
                    self.first = self.first or time.time()
                sink.write(data)
                await sink.drain()
        sink.close()

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)


@pytest.fixture
def relay(llm_nim: Running) -> Iterator[Relay]:  # noqa: F811
    made = Relay(llm_nim)
    yield made
    made.stop()


def ask(page: Page) -> tuple[float, float]:
    """Epoch seconds of Enter and of the first text on the page."""
    page.run(OBSERVER)
    page.run("document.querySelector('#question').focus()")
    page.type(QUESTION)
    page.press("Enter")
    page.until("window.first && document.querySelector('#send').innerText === 'Send'", 90)
    return page.run("window.pressed") / 1000, page.run("window.first") / 1000


@pytest.mark.timeout(600)
def test_first_words(browser: Browser, start_page, start_router, relay: Relay) -> None:  # noqa: F811
    router = start_router(APP_LLM_SERVERURL=f"{relay.host}:{PORT}")
    files = {"file": (PDF.name, PDF.read_bytes())}
    httpx.post(f"{router.url}/uploadDocument", files=files, timeout=90, trust_env=False).raise_for_status()
    began = time.perf_counter()
    frontend = start_page(router.host)
    ready, process = time.perf_counter() - began, psutil.Process(frontend.process.pid)
    before = process.memory_info().rss
    added, whole = [], []
    for _ in range(ROUNDS):
        with browser.page() as page:
            page.open(frontend.url).until("document.querySelector('#services .dot').dataset.state === 'well'")
            page.select("#tokens", "50")
            relay.first = 0.0
            pressed, first = ask(page)
            assert relay.first, "the model's first token was not seen"
            added.append(first - relay.first)
            whole.append(first - pressed)
    print(
        f"\nfirst words on the page {statistics.median(added) * 1000:.0f} ms after the model's first token "
        f"(worst of {ROUNDS}: {max(added) * 1000:.0f} ms; target <= 1000), "
        f"{statistics.median(whole):.2f} s after Enter, search and reading included\n"
        f"service: answers {ready:.2f} s after its start, {before / 1e6:.0f} MB, "
        f"{process.memory_info().rss / 1e6:.0f} MB after {ROUNDS} questions"
    )
