"""Texts that are no JSON, and what Go's encoding/json says of them: recorded, or from its source (scanner.go)."""

import pytest

from raglab.pocket.api.malformed import explain


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{bad", "invalid character 'b' looking for beginning of object key string"),  # recorded
        (b"", "unexpected end of JSON input"),
        (b'{"a": ', "unexpected end of JSON input"),
        (b'{"a": "b', "unexpected end of JSON input"),
        (b"tru", "unexpected end of JSON input"),
        (b'{"a": 1,}', "invalid character '}' looking for beginning of object key string"),
        (b"[1, ]", "invalid character ']' looking for beginning of value"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a,[": 1 "b": 2}', "invalid character '\"' after object key:value pair"),
        (b'{"a": [1, {"b": "]"} 2]}', "invalid character '2' after array element"),
        (b"{} {}", "invalid character '{' after top-level value"),
        (b"'a'", r"invalid character '\'' looking for beginning of value"),
        (b'{"a": trueish}', "invalid character 'i' after object key:value pair"),
        (b'{"a": nil}', "invalid character 'i' in literal null (expecting 'u')"),
        (b'{"a": NaN}', "invalid character 'N' looking for beginning of value"),
        (b'"a\nb"', r"invalid character '\n' in string literal"),
        (rb'"\x"', "invalid character 'x' in string escape code"),
    ],
)
def test_what_is_wrong(body: bytes, message: str):
    assert explain(body) == message


def test_depth_is_no_crash():
    assert explain(b"[" * 100_000)
