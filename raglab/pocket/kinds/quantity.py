"""Quantities (``250m``, ``1Gi``, ``1e3``): exact arithmetic and the one spelling an API server stores.

The rules are those of ``k8s.io/apimachinery/pkg/api/resource``: a value keeps its suffix family (binary, decimal or
exponent) and takes the largest suffix of it that leaves a whole number; anything finer than a billionth is rounded up.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

PATTERN = re.compile(r"([+-]?)([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+|)")
REFUSAL = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
"""What an API server answers to anything else."""

_BINARY = {suffix: 1024**power for power, suffix in enumerate(("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"))}
_DECIMAL = {
    suffix: 3 * step for step, suffix in enumerate(("n", "u", "m", "", "k", "M", "G", "T", "P", "E"), -3)
}
_EXPONENT = re.compile(r"[eE]([+-]?\d+)")
_FINEST = 10**9
_LARGEST = 2**63 - 1
"""Larger numbers are cut down to this one."""
_LONGEST = 100
"""Characters that are read: no sensible amount has more, and endless exponents would take endless time."""


class Quantity(NamedTuple):
    """An exact value and the suffix of its family, which sums keep. `str` gives the spelling an API server stores."""

    value: Fraction
    suffix: str = ""

    def plus(self, other: Quantity) -> Quantity:
        """The sum, in the family of the first term that is not nothing."""
        return Quantity(self.value + other.value, self.suffix if self.value else other.suffix)

    def minus(self, other: Quantity) -> Quantity:
        """The difference, in the family of the first term."""
        return Quantity(self.value - other.value, self.suffix)

    def __str__(self) -> str:
        if _EXPONENT.fullmatch(self.suffix):
            return _decimal(self.value, exponents=True)
        binary = self.suffix in _BINARY and self.suffix and abs(self.value) >= 1024
        return _binary(self.value) if binary else _decimal(self.value)


NOTHING = Quantity(Fraction(0))


def read(text: str | int | float) -> Quantity:
    """A quantity as written. `ValueError` if it is none."""
    return _split(str(text))


@lru_cache(maxsize=4096)
def _split(text: str) -> Quantity:
    match = PATTERN.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise ValueError(REFUSAL)
    sign, digits, suffix = match.groups()
    number = Fraction(digits.rstrip(".") if digits.endswith(".") else digits)
    value = min(_round(number * _scale(suffix)), Fraction(_LARGEST))
    return Quantity(-value if sign == "-" else value, suffix)


def _scale(suffix: str) -> Fraction:
    if suffix in _DECIMAL:
        return Fraction(10) ** _DECIMAL[suffix]
    if suffix in _BINARY:
        return Fraction(_BINARY[suffix])
    return Fraction(10) ** max(-_LONGEST, min(int(suffix[1:]), _LONGEST))


def _round(value: Fraction) -> Fraction:
    """Up to the next billionth: no quantity is finer."""
    return Fraction(math.ceil(value * _FINEST), _FINEST)


def parse(text: str | int | float) -> Fraction:
    """The exact value of a quantity: ``parse("250m") == Fraction(1, 4)``. `ValueError` if it is none."""
    return _split(str(text)).value


def canonical(text: str | int | float) -> str:
    """The spelling an API server stores: ``1024Mi`` becomes ``1Gi``, ``0.5`` becomes ``500m``."""
    return str(_split(str(text)))


def _binary(value: Fraction) -> str:
    value = Fraction(math.ceil(value))
    fitting = [suffix for suffix, factor in _BINARY.items() if value % factor == 0]
    return f"{value / _BINARY[fitting[-1]]}{fitting[-1]}"


def _decimal(value: Fraction, exponents: bool = False) -> str:
    if value == 0:
        return "0"
    suffix = next(s for s, e in reversed(_DECIMAL.items()) if (value / Fraction(10) ** e).denominator == 1)
    power = _DECIMAL[suffix]
    shown = (f"e{power}" if power else "") if exponents else suffix
    return f"{value / Fraction(10) ** power}{shown}"


def milli(text: str | int | float) -> int:
    """The value in thousandths, rounded up: how the scheduler and the autoscaler count CPU and metrics."""
    return math.ceil(parse(text) * 1000)


def whole(text: str | int | float) -> int:
    """The value as an integer, rounded up: bytes, devices, pods."""
    return math.ceil(parse(text))
