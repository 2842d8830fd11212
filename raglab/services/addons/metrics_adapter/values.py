"""Numbers of Prometheus as quantities of Kubernetes."""

from __future__ import annotations

import math

_SUFFIXES = ("m", "", "k", "M", "G", "T", "P", "E")
_OVERFLOW = -(2**63)
"""What Go makes of a float that fits no int64 (on amd64): the real adapter passes it on."""


def quantity(value: float) -> str:
    """`value` in thousandths, cut off, in the shortest form: 37.5 is ``37500m``, 45 is ``45``, 2000 is ``2k``.

    Quantities are the canonical form of Kubernetes' decimal SI notation (apimachinery, resource.Quantity).
    """
    number = _thousandths(value)
    index = 0
    while number and number % 1000 == 0 and index < len(_SUFFIXES) - 1:
        number //= 1000
        index += 1
    return f"{number}{_SUFFIXES[index]}" if number else "0"


def _thousandths(value: float) -> int:
    scaled = value * 1000.0
    return int(scaled) if math.isfinite(scaled) and abs(scaled) < 2**63 else _OVERFLOW
