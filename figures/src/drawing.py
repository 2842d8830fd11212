"""The visual language of every drawing: boxes, frames, arrows, one look per kind of part.

What a part is decides its colour and its border, here and nowhere else: dashed is what the pocket cluster stands in for
or simulates. Each drawing that has such a part says so in its last line. Words
never depend on a colour.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from palette import INK, OFF, STYLE


@dataclass(frozen=True)
class Kind:
    """What a part is: its colour, and whether something else stands in its place on the pocket cluster."""

    colour: str
    stand_in: bool = False

    def style(self, shape: str, lit: bool) -> str:
        """The classes of its outline."""
        return f"{shape} {self.colour if lit else OFF}{' stand-in' if self.stand_in else ''}"


YOURS = Kind("grey")  # people, their tools and files
OBJECT = Kind("purple")  # what you apply: the same on every cluster
KUBERNETES = Kind("purple", stand_in=True)  # API server, controllers, node
GPU = Kind("yellow", stand_in=True)  # devices, and the programs of the GPU operator
NIM = Kind("blue", stand_in=True)
APPLICATION = Kind("green")  # frontend, query-router, PostgreSQL
PROMETHEUS = Kind("red")
MONITORING = Kind("red", stand_in=True)  # operator, adapter, Grafana
LEGEND = "dashed: simulated, or a stand-in, on the pocket cluster; the real thing on a cluster with GPUs"
LINE = 17  # from one line of text to the next
Point = tuple[float, float]


@dataclass
class Drawing:
    """A picture of `width` x `height` units with the title and description that screen readers read."""

    width: int
    height: int
    title: str
    description: str
    parts: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, words: str, style: str = "muted") -> None:
        """One line, centred at x unless `style` has ``left``."""
        named = f' class="{style}"' if style else ""
        self.parts.append(f'<text x="{x:g}" y="{y:g}"{named}>{escape(words)}</text>')

    def box(self, at: Point, size: Point, lines: Iterable[str], kind: Kind, lit: bool = True) -> None:
        """A rounded box with a bold first line; what is not `lit` is neither tinted nor bold."""
        (x, y), (width, height), lines = at, size, list(lines)
        self.parts.append("<g>")
        self._outline(at, size, 8, kind.style("box", lit))
        first = y + height / 2 + 4.5 - LINE / 2 * (len(lines) - 1)
        for number, line in enumerate(lines):
            heading = "title" if number == 0 and lit else ""
            self.text(x + width / 2, first + LINE * number, line, heading if lit else "muted")
        self.parts.append("</g>")

    def frame(self, at: Point, size: Point, label: str, stand_in: bool = False) -> None:
        """A thin border around parts that belong together, with its label inside at the top left."""
        self._outline(at, size, 10, "frame stand-in" if stand_in else "frame")
        self.text(at[0] + 12, at[1] + 20, label, "muted left")

    def arrow(self, points: Iterable[Point], label: str = "", lit: bool = True) -> None:
        """A line through `points` with a tip at the end, and a label above the middle of its first piece."""
        points = list(points)
        self.line(points, INK if lit else OFF, tip=True)
        if label:
            (x1, y1), (x2, y2) = points[0], points[1]
            self.text((x1 + x2) / 2, (y1 + y2) / 2 - 7, label)

    def line(self, points: Iterable[Point], colour: str, style: str = "", tip: bool = False) -> None:
        """A line of a colour; `style` may be ``wide`` or ``stand-in``."""
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        end = f' marker-end="url(#{colour}-tip)"' if tip else ""
        self.parts.append(f'<polyline points="{path}" class="{f"line {colour}-line {style}".strip()}"{end}/>')

    def _outline(self, at: Point, size: Point, radius: int, style: str) -> None:
        (x, y), (width, height) = at, size
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{radius}" class="{style}"/>'
        )

    def svg(self) -> str:
        """The whole file, with the legend if it has something dashed."""
        height = self.height
        if any("stand-in" in part for part in self.parts):
            height += 30
            self._outline((15, height - 26), (30, 14), 4, "frame stand-in")
            self.text(54, height - 15, LEGEND, "muted left")
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {height}" '
            f'width="{self.width}" height="{height}" role="img" aria-labelledby="title desc">\n'
            f'<title id="title">{escape(self.title)}</title>\n<desc id="desc">{escape(self.description)}</desc>\n'
            f"<style>{STYLE}</style>\n"
            f"<defs>{_tip(INK)}{_tip(OFF)}</defs>\n"
            f'<rect width="{self.width}" height="{height}" rx="10" class="paper"/>\n'
        )
        return head + "\n".join(self.parts) + "\n</svg>\n"


def _tip(colour: str) -> str:
    """The arrow head of one colour: markers do not take that of their line."""
    return (
        f'<marker id="{colour}-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="10" markerHeight="10" '
        f'markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0.5 L8 4 L0 7.5 z" class="{colour}-tip"/></marker>'
    )
