"""The visual language of every drawing: boxes, arrows, one palette, light and dark, dashed for simulated.

The palette is Paul Tol's "bright" scheme, which keeps its differences for colour-blind readers
(https://personal.sron.nl/~pault/). Text is never the only carrier of a colour's meaning.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

PALETTE = {"blue": "#4477aa", "red": "#ee6677", "green": "#228833", "yellow": "#ccbb44", "grey": "#888888"}

STYLE = """
text { font: 13px system-ui, sans-serif; fill: #222; text-anchor: middle }
.title { font-weight: 600 } .small { font-size: 11px } .left { text-anchor: start }
.box { stroke-width: 1.5; fill-opacity: .14 } .frame { fill: none; stroke: #888; stroke-width: 1 }
.simulated { stroke-dasharray: 5 4 } .dim { opacity: .3 }
.arrow { stroke: #555; stroke-width: 1.5; fill: none; marker-end: url(#tip) } #tip path { fill: #555 }
.paper { fill: #fff }
@media (prefers-color-scheme: dark) {
  text { fill: #eee } .paper { fill: #1b1b1b } .box { fill-opacity: .3 }
  .arrow { stroke: #bbb } #tip path { fill: #bbb }
}"""


@dataclass
class Drawing:
    """A picture of `width` x `height` units with the title and description that screen readers read."""

    width: int
    height: int
    title: str
    description: str
    parts: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, words: str, style: str = "") -> None:
        """One line, centred at x unless `style` has ``left``."""
        self.parts.append(f'<text x="{x:g}" y="{y:g}" class="{style}">{escape(words)}</text>')

    def box(
        self,
        at: tuple[float, float],
        size: tuple[float, float],
        lines: Iterable[str],
        colour: str = "grey",
        simulated: bool = False,
        lit: bool = True,
    ) -> None:
        """A rounded box with a bold first line; `lit` False fades it, `simulated` dashes its border."""
        (x, y), (width, height), lines = at, size, list(lines)
        style = "box simulated" if simulated else "box"
        paint = PALETTE[colour]
        self.parts.append(f'<g class="{"" if lit else "dim"}">')
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="8" class="{style}" '
            f'fill="{paint}" stroke="{paint}"/>'
        )
        first = y + height / 2 + 5 - 8 * (len(lines) - 1)
        for number, line in enumerate(lines):
            self.text(x + width / 2, first + 16 * number, line, "title" if number == 0 else "small")
        self.parts.append("</g>")

    def frame(
        self, at: tuple[float, float], size: tuple[float, float], label: str, simulated: bool = False
    ) -> None:
        """A thin border around parts that belong together, with its label inside at the top left."""
        (x, y), (width, height) = at, size
        style = "frame simulated" if simulated else "frame"
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="10" class="{style}"/>'
        )
        self.text(x + 12, y + 20, label, "small left")

    def arrow(self, points: Iterable[tuple[float, float]], label: str = "", lit: bool = True) -> None:
        """A line through `points` with a tip at the end, and a label at its middle."""
        points = list(points)
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self.parts.append(f'<g class="{"" if lit else "dim"}"><polyline points="{path}" class="arrow"/>')
        if label:
            (x1, y1), (x2, y2) = points[0], points[1]
            self.text((x1 + x2) / 2, (y1 + y2) / 2 - 6, label, "small")
        self.parts.append("</g>")

    def svg(self) -> str:
        """The whole file."""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
            f'width="{self.width}" role="img" aria-labelledby="title desc">\n'
            f'<title id="title">{escape(self.title)}</title>\n<desc id="desc">{escape(self.description)}</desc>\n'
            f"<style>{STYLE}</style>\n"
            '<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
            'orient="auto-start-reverse"><path d="M0 0 L8 4 L0 8 z"/></marker></defs>\n'
            f'<rect width="{self.width}" height="{self.height}" class="paper"/>\n'
        )
        return head + "\n".join(self.parts) + "\n</svg>\n"
