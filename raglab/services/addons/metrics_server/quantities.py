"""Amounts as Kubernetes writes them (apimachinery, resource.Quantity in canonical form), and Go's durations."""

from __future__ import annotations


def cores(nanocores: int) -> str:
    """CPU: 82387 is ``82387n``, 250000000 is ``250m``, 2000000000 is ``2``."""
    return _shortest(nanocores, 1000, ("n", "u", "m", "", "k"))


def size(count: int) -> str:
    """Memory in bytes: 425984 is ``416Ki``, 2097152 is ``2Mi``."""
    return _shortest(count, 1024, ("", "Ki", "Mi", "Gi", "Ti"))


def _shortest(number: int, step: int, suffixes: tuple[str, ...]) -> str:
    index = 0
    while number and number % step == 0 and index < len(suffixes) - 1:
        number //= step
        index += 1
    return f"{number}{suffixes[index]}" if number else "0"


def duration(milliseconds: int) -> str:
    """``15.062s``, ``1m0.5s``."""
    minutes, rest = divmod(milliseconds, 60_000)
    seconds = f"{rest / 1000:.3f}".rstrip("0").rstrip(".")
    return f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
