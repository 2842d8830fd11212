from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raglab.pocket.kinds import quantity


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        (1, "1"),
        ("1", "1"),
        (0.5, "500m"),
        ("0.5", "500m"),
        ("1.5", "1500m"),
        ("1024Mi", "1Gi"),
        ("1536Mi", "1536Mi"),
        ("1.5Gi", "1536Mi"),
        ("512Ki", "512Ki"),
        ("1Ki", "1Ki"),
        ("0.5Ki", "512"),
        ("1000m", "1"),
        ("1000M", "1G"),
        ("1000", "1k"),
        ("1500k", "1500k"),
        ("100e3", "100e3"),
        ("1e3", "1e3"),
        ("12e2", "1200"),
        ("0", "0"),
        ("0Mi", "0"),
        ("-1", "-1"),
        ("+2", "2"),
        (".5", "500m"),
        ("5.", "5"),
        ("0.0000000001", "1n"),
        ("263174212Ki", "263174212Ki"),
        ("1e999999999", "9223372036854775807"),
    ],
)
def test_stored_spelling(written, stored):
    assert quantity.canonical(written) == stored


@pytest.mark.parametrize(
    "text", ["", "512MB!", "1 Gi", "Gi", "1.2.3", "--1", "1gi", "0x10", "1e", "nan", "٣", "1" * 5000]
)
def test_anything_else_is_refused(text):
    with pytest.raises(ValueError, match="quantities must match"):
        quantity.parse(text)


@given(
    st.integers(-(10**12), 10**12),
    st.sampled_from(["", "m", "k", "M", "Ki", "Mi", "Gi", "e3", "E-2"]),
)
def test_the_spelling_keeps_the_value_and_is_stable(number, suffix):
    text = f"{number}{suffix}"
    once = quantity.canonical(text)
    assert quantity.parse(once) == quantity.parse(text)
    assert quantity.canonical(once) == once


def test_sums_keep_the_first_suffix_family():
    assert str(quantity.read("512Mi").plus(quantity.read("512Mi"))) == "1Gi"
    assert str(quantity.read("250m").plus(quantity.read("0.75"))) == "1"
    assert str(quantity.NOTHING.plus(quantity.read("64Mi"))) == "64Mi"
    assert str(quantity.read("1Gi").minus(quantity.read("512Mi"))) == "512Mi"


def test_counting():
    assert quantity.parse("250m") == Fraction(1, 4)
    assert quantity.milli("22500m") == 22500
    assert quantity.whole("1500m") == 2
