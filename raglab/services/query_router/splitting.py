"""Cuts a text into overlapping chunks at the ends of sentences.

A chunk is filled with whole sentences up to its size; the next one begins with the last sentences of its
predecessor, as many as fit into the overlap, so that no statement loses its neighbours at a border. A
sentence longer than a chunk is cut between words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from raglab.services.query_router import tokens

_END = re.compile(
    r"([.!?][\"'”’)\]]*)\s+(?=[\"'“‘(\[]*[^\W_a-z])"  # a full stop and the beginning of a sentence
    r"|([。！？])\s*"
    r"|()(?:\n\s*\n|\f)\s*"  # the end of a paragraph or page
)
_WORD = re.compile(r"\S+\s*")


class Sentence(NamedTuple):
    """A sentence, its size in tokens, and the page it begins on, from 1."""

    text: str
    size: int
    page: int


class Chunk(NamedTuple):
    """A piece of a document and the page it begins on."""

    text: str
    page: int


def chunks(text: str, size: int, overlap: int) -> Iterator[Chunk]:
    """The chunks of a text of which pages are separated by form feeds; ``size`` and ``overlap`` in tokens."""
    current: list[Sentence] = []
    for sentence in sentences(text, size):
        if current and _size(current) + sentence.size > size:
            yield _joined(current)
            current = _tail(current, min(overlap, size - sentence.size))
        current.append(sentence)
    if current:
        yield _joined(current)


def sentences(text: str, limit: int) -> Iterator[Sentence]:
    """The sentences of a text, none longer than ``limit`` tokens."""
    page, start = 1, 0
    for end in [*_END.finditer(text), None]:
        stop = end.end(end.lastindex or 0) if end else len(text)
        for piece in _pieces(" ".join(text[start:stop].split()), limit):
            yield Sentence(piece, tokens.count(piece), page)
        if end:
            page += end[0].count("\f")
            start = end.end()


def _pieces(sentence: str, limit: int) -> Iterator[str]:
    if tokens.count(sentence) <= limit:
        if sentence:
            yield sentence
        return
    part, size = "", 0
    for word in _WORD.findall(sentence):
        need = tokens.count(word)
        if part and size + need > limit:
            yield part.strip()
            part, size = "", 0
        while need > limit:  # a word longer than a chunk: a table of digits, or text without spaces
            head = tokens.cut(word, limit)
            yield head
            word = word[len(head) :]
            need = tokens.count(word)
        part, size = part + word, size + need
    if part.strip():
        yield part.strip()


def _tail(previous: list[Sentence], overlap: int) -> list[Sentence]:
    kept: list[Sentence] = []
    for sentence in reversed(previous):
        if _size(kept) + sentence.size > overlap:
            break
        kept.insert(0, sentence)
    return kept


def _size(part: list[Sentence]) -> int:
    return sum(sentence.size for sentence in part)


def _joined(part: list[Sentence]) -> Chunk:
    return Chunk(" ".join(sentence.text for sentence in part), part[0].page)
