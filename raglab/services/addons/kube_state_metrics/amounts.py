"""Quantities of Kubernetes as numbers."""

from __future__ import annotations

import re

_SUFFIXES = {
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "": 1.0,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
    "P": 1e15,
    "E": 1e18,
}
_SUFFIXES |= {f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTPE", 1)}
_QUANTITY = re.compile(r"([+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?)([A-Za-z]*)")


def amount(quantity: str | int | float) -> float:
    """``37500m`` is 37.5, ``64Mi`` is 67108864.

    Source: Kubernetes API reference, "Quantity". ValueError if it is none.
    """
    found = _QUANTITY.fullmatch(str(quantity))
    if not found or found[2] not in _SUFFIXES:
        raise ValueError(f"{quantity!r} is no quantity")
    return float(found[1]) * _SUFFIXES[found[2]]
