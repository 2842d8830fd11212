"""Estimates how many tokens a language model makes of a text, without the model's tokenizer.

The router must run beside any model, so it counts what subword tokenizers tend to make: one token for every
started run of seven letters, up to three digits, or one other character.
`tests/services/query_router/test_tokens.py` holds the estimate against real tokenizers.
"""

from __future__ import annotations

import re

_TOKEN = re.compile(
    r"[぀-ヿ㐀-鿿가-힯]"  # Japanese, Chinese, Korean: about one token per character
    r"|[^\W\d_]{1,7}|\d{1,3}|[^\w\s]|_"
)


def count(text: str) -> int:
    """Estimated tokens of a text."""
    return sum(1 for _ in _TOKEN.finditer(text))


def cut(text: str, limit: int) -> str:
    """The beginning of a text, at most ``limit`` tokens long."""
    for number, match in enumerate(_TOKEN.finditer(text)):
        if number == limit:
            return text[: match.start()].rstrip()
    return text
