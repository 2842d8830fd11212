"""The page of the application on a cluster: all charts, the node's port, a browser, and a document asked about."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from raglab.paths import CHECKOUT
from tests.browser.chat import READY, WORDS, ask
from tests.browser.page import Browser, Page
from tests.pocket.application import WORKLOADS, gpu_cluster, install
from tests.pocket.conftest import Cluster

pytestmark = [pytest.mark.pocket, pytest.mark.slow]
POLICY = CHECKOUT / "data" / "documents" / "gpu_policy.docx"
LIMIT = 60.0


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with gpu_cluster(tmp_path_factory.mktemp("page")) as running:
        install(running, *WORKLOADS)
        yield running


@pytest.fixture
def page(browser: Browser, lab: Cluster) -> Iterator[Page]:
    with browser.page() as tab:
        tab.look().open(f"http://{lab.settings['node_ip']}:30001")
        yield tab.until(READY)


def test_a_document_is_uploaded_and_answers(page: Page, lab: Cluster) -> None:
    page.click("#documents-tab")
    page.choose("#files", POLICY)
    page.until("document.querySelector('#uploads').innerText.includes('is in the knowledge base')", LIMIT)
    page.click("#chat-tab")
    ask(page, "What does the GPU policy of the lab say?")
    assert page.run(f"{WORDS}.getAttribute('aria-busy')") == "false"
    assert page.texts(".passage .source")[0] == POLICY.name
    assert len(page.texts(".words")[0].split()) > 3
    assert page.complaints == []


def test_without_its_model_the_page_says_what_to_do(page: Page, lab: Cluster) -> None:
    scaled = ("statefulset/nemollm-inference", "-n", "rag-sample")
    lab.kubectl("scale", *scaled, "--replicas=0")
    lab.kubectl("wait", "pod/nemollm-inference-0", "-n", "rag-sample", "--for=delete", "--timeout=60s")
    ask(page, "Who answers?")
    shown = page.texts(".turn .problem")[0]
    assert "nemollm-inference" in shown and "kubectl" in shown
    lab.kubectl("scale", *scaled, "--replicas=1")
    lab.kubectl("rollout", "status", *scaled, "--timeout=90s")
    page.until(READY, LIMIT)
