"""The colours of every drawing, light and dark, and the style sheet made of them.

The same hues as the plots in the notebooks and the dashboard page. Borders reach 3:1 on their ground and text 4.5:1
(WCAG 2.2), and the colours stay apart for people who see no red, no green or no blue: tests measure all three.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NAMES = ("blue", "red", "green", "yellow", "purple", "grey")
INK, OFF = "ink", "off"


@dataclass(frozen=True)
class Scheme:
    """One look: the ground, texts, lines, borders of what is not lit, and how strongly boxes are tinted."""

    paper: str
    text: str
    muted: str
    line: str
    off: str
    tint: float
    colours: Mapping[str, str]

    def fill(self, colour: str) -> str:
        """The ground inside a box of this colour."""
        return mix(self.colours[colour], self.paper, self.tint)


LIGHT = Scheme(
    "#ffffff", "#1b1f27", "#555c68", "#5a5f68", "#8d929b", 0.12,
    dict(zip(NAMES, ("#3a6a99", "#c2362e", "#1f7a35", "#a87f00", "#8a3fc0", "#5a5f68"), strict=True)),
)  # fmt: skip
DARK = Scheme(
    "#1f2229", "#e6e8ec", "#a4abb8", "#a4abb8", "#757c89", 0.22,
    dict(zip(NAMES, ("#8bb8e8", "#f59b8c", "#5fcf9a", "#ecd97a", "#b77bf5", "#cfd3da"), strict=True)),
)  # fmt: skip


def mix(colour: str, ground: str, share: float) -> str:
    """`share` of `colour` over `ground`, both as #rrggbb."""
    pairs = ((int(colour[at : at + 2], 16), int(ground[at : at + 2], 16)) for at in (1, 3, 5))
    return "#" + "".join(f"{round(share * one + (1 - share) * other):02x}" for one, other in pairs)


def _rules(scheme: Scheme) -> str:
    boxes = " ".join(
        f".{name} {{ fill: {scheme.fill(name)}; stroke: {scheme.colours[name]} }} "
        f".{name}-line {{ stroke: {scheme.colours[name]} }}"
        for name in NAMES
    )
    return (
        f".paper {{ fill: {scheme.paper} }} text {{ fill: {scheme.text} }} .muted {{ fill: {scheme.muted} }}\n"
        f"{boxes}\n.off {{ fill: {scheme.paper}; stroke: {scheme.off} }} .off-line {{ stroke: {scheme.off} }}\n"
        f".frame, .ink-line {{ stroke: {scheme.line} }} .ink-tip {{ fill: {scheme.line} }} "
        f".off-tip {{ fill: {scheme.off} }}\n"
    )


STYLE = (
    "\ntext { font: 12px system-ui, sans-serif; text-anchor: middle } .title { font-size: 14px; font-weight: 600 }\n"
    ".left { text-anchor: start } .end { text-anchor: end } .box { stroke-width: 2 } .off { stroke-width: 1.2 }\n"
    ".frame { fill: none; stroke-width: 1.2 } .line { fill: none; stroke-width: 1.6 } .wide { stroke-width: 5 }\n"
    ".stand-in { stroke-dasharray: 6 4 } .wide.stand-in { stroke-dasharray: 14 4 }\n"
    f"{_rules(LIGHT)}@media (prefers-color-scheme: dark) {{\n{_rules(DARK)}}}\n"
)
