"""Lays out an answer: models write Markdown.

Nothing that a model writes may run or load: HTML is shown as text, links have http or https only, and pictures become
their alternative text, because a browser would fetch them from anywhere.
"""

from __future__ import annotations

from markdown_it import MarkdownIt

_MARKDOWN = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table").disable("image")


def html(text: str) -> str:
    """A text in Markdown as HTML that is safe to show."""
    return _MARKDOWN.render(text.strip())
