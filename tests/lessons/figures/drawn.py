"""The drawings as tests see them: boxes, lines and texts with their places, measured with a real font.

DejaVu Sans is what a Linux machine without other fonts shows, and wider than the fonts of other systems: what fits here
fits there.
"""

from __future__ import annotations

import re
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import matplotlib
from fontTools.ttLib import TTFont

from raglab import paths

FIGURES = sorted((paths.CHECKOUT / "figures").glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"
FONTS = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
ABOVE, BELOW = 0.76, 0.24
"""How far letters reach above and below their line, in font sizes; DejaVu Sans."""


@dataclass(frozen=True)
class Area:
    """A rectangle."""

    left: float
    top: float
    right: float
    bottom: float

    def grown(self, by: float) -> Area:
        return Area(self.left - by, self.top - by, self.right + by, self.bottom + by)

    def holds(self, other: Area) -> bool:
        across = self.left <= other.left and other.right <= self.right
        return across and self.top <= other.top and other.bottom <= self.bottom

    def meets(self, other: Area) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def crossed_by(self, line: Line) -> bool:
        """Whether any piece of the line runs through: Liang and Barsky's clipping."""
        return any(self._clips(*ends) for ends in pairwise(line.points))

    def _clips(self, start: tuple[float, float], end: tuple[float, float]) -> bool:
        first, last = 0.0, 1.0
        for begin, step, low, high in (
            (start[0], end[0] - start[0], self.left, self.right),
            (start[1], end[1] - start[1], self.top, self.bottom),
        ):
            if step == 0:
                if not low < begin < high:
                    return False
                continue
            enters, leaves = sorted(((low - begin) / step, (high - begin) / step))
            first, last = max(first, enters), min(last, leaves)
        return first < last


@dataclass(frozen=True)
class Text:
    words: str
    area: Area
    classes: frozenset[str]


@dataclass(frozen=True)
class Box:
    """A rectangle with the texts inside; frames and paper have none."""

    area: Area
    classes: frozenset[str]
    texts: tuple[Text, ...]


@dataclass(frozen=True)
class Line:
    points: tuple[tuple[float, float], ...]
    classes: frozenset[str]


@dataclass(frozen=True)
class Figure:
    path: Path
    root: ElementTree.Element
    canvas: Area
    boxes: tuple[Box, ...]
    frames: tuple[Box, ...]
    labels: tuple[Text, ...]
    """Texts outside of boxes."""
    lines: tuple[Line, ...]

    @property
    def texts(self) -> tuple[Text, ...]:
        return (*self.labels, *(text for box in self.boxes for text in box.texts))


@cache
def palette() -> ModuleType:
    """The module with the colours, under a name of its own: ``figures/src`` is no package."""
    spec = spec_from_file_location("figures_palette", paths.CHECKOUT / "figures" / "src" / "palette.py")
    assert spec and spec.loader
    module = sys.modules[spec.name] = module_from_spec(spec)  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


@cache
def read(path: Path) -> Figure:
    """One drawing from its file."""
    root = ElementTree.fromstring(path.read_text())
    left, top, width, height = map(float, root.attrib["viewBox"].split())
    rectangles = [_box(one, ()) for one in root.findall(f"{SVG}rect")]
    return Figure(
        path,
        root,
        Area(left, top, left + width, top + height),
        tuple(_box(one.find(f"{SVG}rect"), one.findall(f"{SVG}text")) for one in root.findall(f"{SVG}g")),
        tuple(one for one in rectangles if "frame" in one.classes),
        tuple(_text(one) for one in root.findall(f"{SVG}text")),
        tuple(_line(one) for one in root.findall(f"{SVG}polyline")),
    )


def _classes(element: ElementTree.Element) -> frozenset[str]:
    return frozenset(element.attrib.get("class", "").split())


def _box(element: ElementTree.Element, texts) -> Box:
    left, top = float(element.attrib.get("x", 0)), float(element.attrib.get("y", 0))
    width, height = float(element.attrib["width"]), float(element.attrib["height"])
    area = Area(left, top, left + width, top + height)
    return Box(area, _classes(element), tuple(_text(text) for text in texts))


def _line(element: ElementTree.Element) -> Line:
    points = re.findall(r"([-\d.]+),([-\d.]+)", element.attrib["points"])
    return Line(tuple((float(x), float(y)) for x, y in points), _classes(element))


def _text(element: ElementTree.Element) -> Text:
    classes, words = _classes(element), element.text or ""
    size = 14 if "title" in classes else 12
    width = size * length(words, "title" in classes)
    x, y = float(element.attrib["x"]), float(element.attrib["y"])
    left = x if "left" in classes else x - width if "end" in classes else x - width / 2
    return Text(words, Area(left, y - ABOVE * size, left + width, y + BELOW * size), classes)


@cache
def _font(bold: bool) -> tuple[dict[int, str], dict[str, tuple[int, int]], int]:
    font = TTFont(FONTS / ("DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"))
    return font.getBestCmap(), dict(font["hmtx"].metrics), font["head"].unitsPerEm


def length(words: str, bold: bool) -> float:
    """How long a text is, in font sizes."""
    names, metrics, unit = _font(bold)
    return sum(metrics[names[ord(letter)]][0] for letter in words) / unit
