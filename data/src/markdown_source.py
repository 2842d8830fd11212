"""Read the Markdown sources of the documents into blocks that both writers understand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a document. `text` may contain **strong** and *emphasis* as <b> and <i>."""

    kind: Literal["heading", "paragraph", "caption", "item", "table"]
    text: str = ""
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed source: front matter and blocks in reading order."""

    meta: dict[str, str]
    blocks: tuple[Block, ...]


def parse(source: Path) -> Document:
    """Read Markdown with YAML front matter; supports headings, paragraphs, lists of one level and tables."""
    _, front, body = source.read_text(encoding="utf-8").split("---\n", 2)
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    return Document(yaml.safe_load(front), tuple(_blocks(tokens)))


def _blocks(tokens: list[Token]) -> Iterator[Block]:
    in_list = False
    for index, token in enumerate(tokens):
        match token.type:
            case "heading_open":
                yield Block("heading", _inline(tokens[index + 1]), level=int(token.tag[1]))
            case "bullet_list_open" | "ordered_list_open":
                in_list = True
            case "bullet_list_close" | "ordered_list_close":
                in_list = False
            case "paragraph_open":
                yield _paragraph(_inline(tokens[index + 1]), in_list)
            case "table_open":
                yield Block("table", rows=_rows(tokens[index:]))


def _paragraph(text: str, in_list: bool) -> Block:
    """A paragraph that is emphasised as a whole and begins with "Table" is the caption of what follows."""
    if match := re.fullmatch(r"<i>(Table \d+\..*)</i>", text):
        return Block("caption", match.group(1))
    return Block("item" if in_list else "paragraph", text)


def _rows(tokens: list[Token]) -> tuple[tuple[str, ...], ...]:
    rows: list[list[str]] = []
    for index, token in enumerate(tokens):
        if token.type == "table_close":
            break
        if token.type == "tr_open":
            rows.append([])
        elif token.type in ("th_open", "td_open"):
            rows[-1].append(_inline(tokens[index + 1]))
    return tuple(tuple(row) for row in rows)


_TAGS = {"strong_open": "<b>", "strong_close": "</b>", "em_open": "<i>", "em_close": "</i>", "softbreak": " "}


def _inline(token: Token) -> str:
    """Text of an inline token with <b> and <i>; characters that are special in XML are escaped."""
    parts = (_TAGS.get(child.type, _escape(child.content)) for child in token.children or [])
    return "".join(parts)


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
