"""The palette can be read in light and dark, and told apart without seeing red, green or blue."""

from __future__ import annotations

from itertools import combinations

import pytest

from raglab.lesson.links import STYLES
from tests.lessons.figures.colours import SEEN_BY, contrast, difference
from tests.lessons.figures.drawn import FIGURES, palette, read

PALETTE = palette()
SCHEMES = {"light": PALETTE.LIGHT, "dark": PALETTE.DARK}
TEXT, BORDER = 4.5, 3.0  # WCAG 2.2, success criteria 1.4.3 and 1.4.11
APART = 10.0  # four times what can just be noticed
TOGETHER = {
    pair
    for path in FIGURES
    for pair in combinations(
        sorted({name for box in read(path).boxes for name in box.classes & set(PALETTE.NAMES)}), 2
    )
}
"""Colours that boxes of one drawing have."""

scheme = pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)


@scheme
def test_texts_are_readable(scheme) -> None:
    grounds = [scheme.paper, *(scheme.fill(name) for name in PALETTE.NAMES)]
    assert min(contrast(scheme.text, ground) for ground in grounds) >= TEXT
    assert contrast(scheme.muted, scheme.paper) >= TEXT


@scheme
def test_borders_and_lines_are_visible(scheme) -> None:
    for name in PALETTE.NAMES:
        for ground in (scheme.paper, scheme.fill(name)):
            assert contrast(scheme.colours[name], ground) >= BORDER, name
    assert contrast(scheme.line, scheme.paper) >= BORDER
    assert contrast(scheme.off, scheme.paper) >= BORDER


@scheme
@pytest.mark.parametrize("eyes", SEEN_BY)
def test_colours_of_a_drawing_are_told_apart(scheme, eyes) -> None:
    seen = {
        pair: difference(scheme.colours[pair[0]], scheme.colours[pair[1]], eyes) for pair in sorted(TOGETHER)
    }
    assert len(seen) >= 10
    assert {pair: round(apart, 1) for pair, apart in seen.items() if apart < APART} == {}


def test_graphs_of_notebooks_have_the_colours_of_the_drawings() -> None:
    named = {"NV": "green", "PIX": "blue", "PXB": "blue", "PHB": "purple", "NODE": "purple", "SYS": "red"}
    assert {kind: style[0] for kind, style in STYLES.items()} == {
        kind: PALETTE.LIGHT.colours[name] for kind, name in named.items()
    }


def test_measures_are_right() -> None:
    """Black on white is 21:1 and 100 apart; a red and an olive of one lightness are alike without green receptors."""
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert difference("#ffffff", "#000000", "full colour vision") == pytest.approx(100, abs=0.1)
    assert (
        difference("#b4302a", "#6b6200", "deuteranopia")
        < APART
        < difference("#b4302a", "#6b6200", "tritanopia")
    )
