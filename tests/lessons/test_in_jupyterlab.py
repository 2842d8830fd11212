"""Every lesson in JupyterLab, light and dark: pictures load, nothing is wider than its cell, no widget is broken."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.browser.page import Browser, Page
from tests.lessons.jupyterlab import KERNEL, LIMIT, PANEL, THEMES, Server, command, enter, faults, show
from tests.lessons.notebook import NOTEBOOKS, Notebook, read

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    server = Server.start(tmp_path_factory.mktemp("jupyterlab"))
    try:
        with browser.page() as tab:
            yield enter(tab.look(1280, 900), server)
    finally:
        server.stop()


def pictures(lesson: Notebook) -> int:
    """How many a lesson has, in its prose and in its outputs."""
    drawn = sum(len(re.findall(r"!\[", cell.source)) for cell in lesson.prose)
    return drawn + sum("image/png" in out.get("data", {}) for cell in lesson.code for out in cell.outputs)


@pytest.mark.parametrize("theme", THEMES)
def test_lessons_show_well(page: Page, theme: str) -> None:
    command(page, "apputils:change-theme", theme=THEMES[theme])
    wrong = {}
    for path in NOTEBOOKS:
        show(page, path, pictures(read(path)))
        wrong[path.stem] = faults(page)
        command(page, "application:close-all")
    assert {name: found for name, found in wrong.items() if found} == {}


CHOICE = """\
from raglab.lesson import choose
choose("Model", {"small": 135, "large": 7000}, "{} million weights".format)"""


def test_a_choice_is_alive(page: Page) -> None:
    """The control of `choose`, in a cell that only the page has, with a kernel."""
    show(page, NOTEBOOKS[0], pictures(read(NOTEBOOKS[0])), KERNEL)
    session = "jupyterapp.shell.currentWidget.sessionContext"
    page.run(f"{session}.ready.then(() => 0)")
    command(page, "notebook:insert-cell-above")
    command(page, "notebook:replace-selection", text=CHOICE)
    command(page, "notebook:run-cell-and-select-next")
    page.until(f"{PANEL}.querySelector('.widget-dropdown select')", LIMIT)
    shown = f"{PANEL}.querySelector('.widget-html').innerText"
    assert page.run(shown) == "135 million weights"
    page.select(".widget-dropdown select", "large")
    page.until(f"{shown} === '7000 million weights'", LIMIT)
    assert faults(page) == []
    page.run(f"{session}.shutdown().then(() => 0)")
    page.run("void (jupyterapp.shell.currentWidget.context.model.dirty = false)")  # nothing asks to be saved
    command(page, "application:close-all")


def test_faults_are_seen(page: Page) -> None:
    """A broken picture, one without description, a wide table and a dead widget in a lesson that was fine."""
    show(page, NOTEBOOKS[0], pictures(read(NOTEBOOKS[0])))
    assert faults(page) == []
    page.run(
        "document.querySelector('.jp-MarkdownCell .jp-RenderedMarkdown').innerHTML += "
        '\'<img src="missing.svg"><table style="width: 3000px"><tr><td>wide</td></tr></table>'
        "<p>Error displaying widget</p>'"
    )
    page.until("[...document.querySelectorAll('.jp-Cell img')].every((one) => one.complete)")
    found = "\n".join(faults(page))
    for words in ("not loaded", "without a description", "wider than the cell", "Error displaying widget"):
        assert words in found
    command(page, "application:close-all")
