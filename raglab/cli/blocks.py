"""Blocks of documents that are made from something else: what stands between two comments."""

from __future__ import annotations


def put(text: str, begin: str, end: str, content: str, missing: str) -> str:
    """`text` with `content` between the lines `begin` and `end`. Raises `ValueError(missing)` without such a place."""
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise ValueError(f"{missing}: {begin} … {end}")
    return f"{before}{begin}\n{content}\n{end}{after}"
