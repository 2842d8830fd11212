"""What a browser makes of the drawings: light and dark as asked, and texts within their boxes with its own font."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.page import Browser, Page
from tests.lessons.figures.drawn import FIGURES, palette, read

SCHEMES = {"light": palette().LIGHT, "dark": palette().DARK}
FILL = "getComputedStyle(document.querySelector('{}')).fill"
OUTSIDE = """(() => {
  const wrong = [], canvas = document.documentElement.viewBox.baseVal;
  for (const text of document.querySelectorAll('text')) {
    const box = text.getBBox(), around = text.parentNode.querySelector(':scope > rect.box');
    const room = text.parentNode.localName === 'g' && around ? around.getBBox() : canvas;
    if (box.x < room.x || box.x + box.width > room.x + room.width) wrong.push(text.textContent);
  }
  return wrong;
})()"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with browser.page() as tab:
        yield tab


def rgb(colour: str) -> str:
    """#rrggbb as browsers tell it."""
    return f"rgb({', '.join(str(int(colour[at : at + 2], 16)) for at in (1, 3, 5))})"


@pytest.mark.parametrize("name", SCHEMES)
def test_drawings_follow_the_readers_scheme(page: Page, name: str) -> None:
    scheme = SCHEMES[name]
    for path in FIGURES:
        page.look(1000, 600, dark=name == "dark").open(path.as_uri())
        assert page.run(FILL.format(".paper")) == rgb(scheme.paper), path.name
        assert page.run(FILL.format(".title")) == rgb(scheme.text), path.name
        assert page.run("document.querySelectorAll('text').length") == len(read(path).texts)
        assert page.run(OUTSIDE) == [], path.name
    assert page.complaints == []
