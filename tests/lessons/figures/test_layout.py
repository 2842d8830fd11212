"""Nothing in a drawing covers or leaves what it belongs to, measured with a font's own widths."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import pytest

from tests.lessons.figures.drawn import FIGURES, Area, Figure, Line, length, read

PADDING = 5.0  # between a text and the border of its box
MARGIN = 8.0  # between anything and the edge of the picture


@pytest.fixture(params=FIGURES, ids=lambda path: path.stem)
def figure(request) -> Figure:
    return read(request.param)


def test_texts_fit_their_boxes(figure: Figure) -> None:
    wide = [
        text.words
        for box in figure.boxes
        for text in box.texts
        if not box.area.grown(-PADDING).holds(text.area)
    ]
    assert wide == []


def test_everything_is_on_the_canvas(figure: Figure) -> None:
    inside = figure.canvas.grown(-MARGIN)
    assert [text.words for text in figure.texts if not inside.holds(text.area)] == []
    assert [box for box in (*figure.boxes, *figure.frames) if not inside.holds(box.area)] == []


def test_texts_do_not_overlap(figure: Figure) -> None:
    both = [(a.words, b.words) for a, b in combinations(figure.texts, 2) if a.area.meets(b.area)]
    assert both == []


def test_boxes_do_not_overlap(figure: Figure) -> None:
    both = [
        (a.texts[0].words, b.texts[0].words) for a, b in combinations(figure.boxes, 2) if a.area.meets(b.area)
    ]
    assert both == []


def test_labels_stand_free(figure: Figure) -> None:
    """Neither a box, nor a line, nor the border of a frame runs through a text outside of boxes."""
    borders = [*figure.lines, *(_border(frame.area) for frame in figure.frames)]
    for label in figure.labels:
        assert not any(box.area.meets(label.area) for box in figure.boxes), label.words
        assert not any(label.area.crossed_by(line) for line in borders), label.words


def test_lines_go_round_boxes(figure: Figure) -> None:
    for box in figure.boxes:
        crossed = [line.points for line in figure.lines if box.area.grown(-1).crossed_by(line)]
        assert not crossed, f"runs through {box.texts[0].words}: {crossed}"


def _border(area: Area) -> Line:
    corners = (
        (area.left, area.top),
        (area.right, area.top),
        (area.right, area.bottom),
        (area.left, area.bottom),
    )
    return Line((*corners, corners[0]), frozenset())


BOX = '<g><rect x="20" y="20" width="100" height="40" class="box"/><text x="70" y="45" class="title">{}</text></g>'
FRAME = '<rect x="150" y="20" width="100" height="60" class="frame"/>'
LABEL = '<text x="{}" y="45" class="muted">label</text>'
ARROW = '<polyline points="{}" class="line"/>'


@pytest.mark.parametrize(
    ("rule", "parts"),
    [
        (test_texts_fit_their_boxes, [BOX.format("more words than fit")]),
        (test_everything_is_on_the_canvas, [LABEL.format(290)]),
        (test_texts_do_not_overlap, [LABEL.format(200), LABEL.format(210)]),
        (test_boxes_do_not_overlap, [BOX.format("one"), BOX.format("two")]),
        (test_labels_stand_free, [BOX.format("one"), LABEL.format(120)]),
        (test_labels_stand_free, [FRAME, LABEL.format(150)]),
        (test_labels_stand_free, [LABEL.format(200), ARROW.format("160,20 240,70")]),
        (test_lines_go_round_boxes, [BOX.format("one"), ARROW.format("10,10 130,70")]),
    ],
)
def test_rule_sees_a_fault(rule: Callable[[Figure], None], parts: list[str], tmp_path: Path) -> None:
    file = tmp_path / "fault.svg"
    file.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 100">{"".join(parts)}</svg>')
    with pytest.raises(AssertionError):
        rule(read(file))


def test_rules_accept_what_is_right(tmp_path: Path) -> None:
    file = tmp_path / "right.svg"
    parts = [BOX.format("one"), FRAME, LABEL.format(200), ARROW.format("120,40 148,40")]
    file.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 300 100">{"".join(parts)}</svg>')
    for rule in (test_texts_fit_their_boxes, test_everything_is_on_the_canvas, test_labels_stand_free):
        rule(read(file))


def test_measures_are_those_of_the_font() -> None:
    """A text of 40 letters m is longer than one of 40 letters i, and bold is longer than regular."""
    assert length("m" * 40, bold=False) > 2 * length("i" * 40, bold=False) > 20 * 0.5
    assert length("pgvector", bold=True) > length("pgvector", bold=False)
