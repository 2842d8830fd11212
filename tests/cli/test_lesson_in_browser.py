"""A learner's first minutes: `raglab lab`, a browser, and the first cells of lesson 00 run one after the other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from raglab.paths import NOTEBOOKS
from tests.browser.page import Browser, Page
from tests.cli.lab import Lab
from tests.cli.test_jupyter import Open
from tests.lessons.jupyterlab import LIMIT, PANEL, command
from tests.lessons.notebook import Notebook, read

LESSON = read(NOTEBOOKS / "00_start_here.ipynb")
SETTINGS = {
    "jupyter_lab_config.json": {"LabApp": {"expose_app_in_browser": True}},
    "lab/user-settings/@jupyterlab/docmanager-extension/plugin.jupyterlab-settings": {"autosave": False},
}
"""The test speaks to the page's own commands, and must not write into the lesson."""

pytestmark = pytest.mark.slow


@pytest.fixture
def opened(lab: Lab) -> Iterator[Open]:
    for name, content in SETTINGS.items():
        file = lab.home / "jupyter" / "config" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(content))
    made = Open(lab)
    yield made
    lab.interrupt(made.process)


@pytest.fixture
def page(browser: Browser, opened: Open) -> Iterator[Page]:
    with browser.page() as tab:
        tab.look(1280, 900).open(f"{opened.url}/{opened.page}?token={opened.token}")
        tab.until(
            f"window.jupyterapp && {PANEL}?.querySelectorAll('.jp-Cell').length === {len(LESSON.cells)}"
        )
        tab.run("jupyterapp.shell.currentWidget.sessionContext.ready.then(() => 0)")
        command(tab, "notebook:clear-all-cell-outputs")
        yield tab


def number(lesson: Notebook, code: str) -> int:
    """The first code cell that has this in it."""
    return next(cell.index for cell in lesson.code if code in cell.source)


def shown(page: Page, cell: int) -> str:
    """What stands below a cell."""
    area = f"{PANEL}.querySelectorAll('.jp-Cell')[{cell}].querySelector('.jp-OutputArea')"
    return page.run(f"{area}?.textContent ?? ''")


def test_first_cells_run_and_a_line_tells_what_is_waited_for(page: Page) -> None:
    waits = number(LESSON, "wait_for(")
    for _ in range(waits):
        command(page, "notebook:run-cell-and-select-next")
    assert "GPUs free" in shown(page, number(LESSON, "start("))
    assert "CommandFailed" in shown(page, number(LESSON, "no-such-pod"))
    for check in ("00.strict-shell", "00.node-ready"):
        assert f"✓ {check}" in shown(page, number(LESSON, check))
    page.run("void jupyterapp.commands.execute('notebook:run-cell-and-select-next')")
    area = f"{PANEL}.querySelectorAll('.jp-Cell')[{waits}].querySelector('.jp-OutputArea').textContent"
    page.until(f"/waiting for statefulset.nemollm-inference: 0 of 1/.test({area})", LIMIT)
    page.until(f"{area}.includes('1 of 1 replicas ready')", LIMIT)
    assert re.search("waiting", shown(page, waits)) is None, "the line is gone when the wait is over"
