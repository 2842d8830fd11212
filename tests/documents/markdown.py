"""Markdown documents as their tests see them: links, anchors, code."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from raglab.paths import CHECKOUT


@dataclass(frozen=True)
class Document:
    path: Path

    @cached_property
    def tokens(self) -> list[Token]:
        return MarkdownIt().enable("table").parse(self.path.read_text())

    @property
    def inline(self) -> Iterator[Token]:
        for token in self.tokens:
            yield from token.children or ()

    @property
    def links(self) -> list[str]:
        """Where links and pictures lead."""
        found = [token.attrs.get("href") or token.attrs.get("src") for token in self.inline]
        return [str(target) for target in found if target]

    @property
    def spans(self) -> list[str]:
        """What stands in backticks."""
        return [token.content for token in self.inline if token.type == "code_inline"]

    @property
    def anchors(self) -> set[str]:
        """Of its headings, as GitHub names them; the second of the same name ends in -1."""
        seen: Counter[str] = Counter()
        found = set()
        for opening, text in zip(self.tokens, self.tokens[1:], strict=False):
            if opening.type == "heading_open":
                name = anchor(text.content)
                found.add(f"{name}-{seen[name]}" if seen[name] else name)
                seen[name] += 1
        return found

    def blocks(self, language: str) -> list[str]:
        return [token.content for token in self.tokens if token.type == "fence" and token.info == language]


def anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def documents() -> list[Path]:
    """All Markdown of the project: what git has, and what it would take."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True).stdout
    return [CHECKOUT / line for line in sorted(listed.splitlines()) if (CHECKOUT / line).is_file()]
