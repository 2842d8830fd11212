"""What is wrong with a JSON text, in the words of the real server, which are those of Go's encoding/json."""

from __future__ import annotations

import json
from typing import Any

ENDED = "unexpected end of JSON input"
PLACES = {
    "Expecting value": "looking for beginning of value",
    "Expecting property name": "looking for beginning of object key string",
    "Illegal trailing comma before end of object": "looking for beginning of object key string",
    "Illegal trailing comma before end of array": "looking for beginning of value",
    "Expecting ':' delimiter": "after object key",
    "Extra data": "after top-level value",
    "Invalid control character": "in string literal",
    "Invalid \\escape": "in string escape code",
}
"""By the beginning of what Python's parser says; where it misses a comma, Go also says in what."""


def explain(body: bytes) -> str:
    """The message for a `body` that is no JSON."""
    text = body.decode("latin-1")  # Go names the byte
    try:
        json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        return _message(text, error)
    except (ValueError, RecursionError) as error:
        return str(error)
    return "invalid UTF-8 in a string"


def _message(text: str, error: json.JSONDecodeError) -> str:
    at, what = error.pos, error.msg
    if what.startswith(("Illegal", "Invalid \\escape")):
        at += 1
    if not what.startswith("Invalid"):
        at += len(text[at:]) - len(text[at:].lstrip(" \t\r\n"))
    if at >= len(text) or what.startswith("Unterminated"):
        return ENDED
    if what.startswith("Expecting value") and (literal := _literal(text[at:])):
        return literal
    found = (place for beginning, place in PLACES.items() if what.startswith(beginning))
    return f"invalid character {_quoted(text[at])} {next(found, None) or _after(text[:at])}"


def _literal(text: str) -> str:
    """About a word that begins as ``true``, ``false`` or ``null`` does; empty for others."""
    word = next((word for word in ("true", "false", "null") if word[0] == text[0]), "")
    for place, letter in enumerate(word):
        if place >= len(text):
            return ENDED
        if text[place] != letter:
            return f"invalid character {_quoted(text[place])} in literal {word} (expecting {_quoted(letter)})"
    return ""


def _after(before: str) -> str:
    """Whether a comma is missing in an object or in an array: what was opened last and not closed."""
    opened: list[str] = []
    quoted = escaped = False
    for letter in before:
        if quoted:
            quoted, escaped = escaped or letter != '"', not escaped and letter == "\\"
        elif letter == '"':
            quoted = True
        elif letter in "{[":
            opened.append(letter)
        elif letter in "}]":
            opened.pop()
    return "after array element" if opened[-1:] == ["["] else "after object key:value pair"


def _quoted(letter: str) -> str:
    special = {"'": r"'\''", '"': "'\"'"}
    return special.get(letter) or f"'{json.dumps(letter, ensure_ascii=False)[1:-1]}'"


def _refuse(constant: str) -> Any:
    """NaN and Infinity, which Python's parser knows and JSON does not."""
    raise ValueError(f"invalid character '{constant[0]}' looking for beginning of value")
