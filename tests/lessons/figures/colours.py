"""Contrast and difference of colours, as seen by people with and without a deficiency of colour vision."""

from __future__ import annotations

import numpy as np

SEEN_BY = {
    "full colour vision": np.eye(3),
    "protanopia": np.array(
        [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    "deuteranopia": np.array(
        [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    "tritanopia": np.array(
        [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
}
"""What becomes of linear RGB: Machado, Oliveira and Fernandes 2009, severity 1 (https://doi.org/10.1109/TVCG.2009.113)."""
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
"""From linear sRGB, IEC 61966-2-1."""


def linear(colour: str) -> np.ndarray:
    """#rrggbb as linear RGB, 0 to 1."""
    values = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio, 1 to 21."""
    low, high = sorted(float(TO_XYZ[1] @ linear(colour)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def difference(one: str, other: str, seen_by: str) -> float:
    """CIE 1976 colour difference; about 2.3 can just be noticed side by side."""
    lights = (np.clip(SEEN_BY[seen_by] @ linear(colour), 0, 1) for colour in (one, other))
    first, second = (_lab(light) for light in lights)
    return float(np.linalg.norm(first - second))


def _lab(light: np.ndarray) -> np.ndarray:
    """CIE L*a*b* under D65."""
    share = TO_XYZ @ light / (TO_XYZ @ np.ones(3))
    x, y, z = np.where(share > (6 / 29) ** 3, np.cbrt(share), share * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])
