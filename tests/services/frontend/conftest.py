"""A frontend over a real query-router with its database and both model servers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from raglab.paths import CHECKOUT
from tests.browser.page import Browser, Page
from tests.services.conftest import Running, Start, free_address
from tests.services.pgvector.conftest import new_database  # noqa: F401 (fixtures)
from tests.services.query_router.conftest import (  # noqa: F401
    database,
    router,
    start_router,
)

PDF = CHECKOUT / "data" / "documents" / "llama2_overview.pdf"
POLICY = CHECKOUT / "data" / "documents" / "gpu_policy.docx"
QUESTION = "How many people took part in red teaming?"
StartPage = Callable[..., Running]


@pytest.fixture(scope="module")
def start_page(service: Start) -> StartPage:
    """Starts a frontend for the query-router at a host; further arguments are variables of its environment."""

    def start(host: str, **env: str) -> Running:
        running = service("raglab.services.frontend", 8090, {"APP_SERVERURL": f"http://{host}"} | env)
        return running.wait_until(lambda: running.answers("/health"))

    return start


@pytest.fixture(scope="module")
def frontend(start_page: StartPage, router: Running) -> Running:  # noqa: F811
    return start_page(router.host, POD_NAMESPACE="rag-sample")


@pytest.fixture(scope="module")
def nowhere() -> str:
    """An address where nothing listens."""
    return free_address()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with browser.page() as tab:
        yield tab.look()


def ask(running: Running, question: str = QUESTION, **body: Any) -> list[dict[str, Any]]:
    """The events of an answer."""
    body = {"question": question, "knowledge_base": True, "tokens": 30} | body
    response = httpx.post(f"{running.url}/api/chat", json=body, timeout=90, trust_env=False)
    return [json.loads(line) for line in response.raise_for_status().text.splitlines()]


def get(running: Running, path: str) -> httpx.Response:
    return httpx.get(running.url + path, timeout=60, trust_env=False)


def upload(running: Running, name: str, data: bytes) -> httpx.Response:
    files = {"file": (name, data)}
    return httpx.post(f"{running.url}/api/documents", files=files, timeout=90, trust_env=False)
