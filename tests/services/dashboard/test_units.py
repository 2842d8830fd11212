"""Numbers as dashboards write them."""

from __future__ import annotations

import math

import pytest

from raglab.services.addons.dashboard.units import UNITS, unit


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("percent", 37.5, "37.5%"),
        ("percentunit", 0.375, "37.5%"),
        ("celsius", 41, "41 °C"),
        ("watt", 0.25, "250 mW"),
        ("watt", 1234, "1.23 kW"),
        ("hertz", 1410e6, "1.41 GHz"),
        ("bytes", 1536, "1.5 KiB"),
        ("mbytes", 81920, "80 GiB"),
        ("decmbytes", 81920, "81.9 GB"),
        ("s", 0.0123, "12.3 ms"),
        ("s", 90, "1.5 min"),
        ("ms", 1500, "1.5 s"),
        ("short", 12345, "12.3 K"),
        ("short", 999, "999"),
        ("none", 12345, "12345"),
        ("reqps", 2.5, "2.5 req/s"),
        ("s", 0, "0 s"),
        ("short", -1500, "-1.5 K"),
        ("bananas", 3, "3 bananas"),
        (None, 3, "3"),
    ],
)
def test_values_are_written_with_their_unit(name, value, text):
    assert unit(name).text(value) == text


def test_decimals_are_kept_when_asked_for():
    assert unit("percent").text(40, 1) == "40.0%"


@pytest.mark.parametrize(("value", "text"), [(None, "no value"), (math.nan, "no value"), (math.inf, "∞")])
def test_what_is_no_number_is_said(value, text):
    assert unit("s").text(value) == text


def test_every_unit_can_write_zero_and_tiny_numbers():
    for each in UNITS.values():
        assert each.text(0).startswith("0")
        assert each.text(1e-12)
