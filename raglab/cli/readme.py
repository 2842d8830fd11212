"""The lesson table of the README, which is made from ``notebooks/lessons.toml``."""

from __future__ import annotations

from pathlib import Path

from raglab import paths
from raglab.cli import blocks
from raglab.lesson import manifest, strips

README = paths.CHECKOUT / "README.md"
BEGIN, END = "<!-- lessons: generated from notebooks/lessons.toml -->", "<!-- end of lessons -->"


def rendered(text: str) -> str:
    """`text` with the table as the manifest wants it."""
    return blocks.put(text, BEGIN, END, strips.table(manifest.load().values()), "no place for the lessons")


def refresh(file: Path = README) -> bool:
    """Bring the README up to date; True if it had to be changed."""
    old = file.read_text()
    new = rendered(old)
    if new != old:
        file.write_text(new)
    return new != old
