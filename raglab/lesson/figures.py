"""`figure`: show a plot together with the text that describes it."""

from __future__ import annotations

import base64
import io
from typing import Any

MINIMUM_WORDS = 5


def figure(plot: Any, alt: str, details: str = "") -> None:
    """Display a matplotlib figure with its description (`alt`, at least five words) as alternative text and caption.

    `details`, such as values that differ from run to run, are added to the alternative text only.
    It is a PNG: JupyterLab shows no SVG from a notebook it does not trust yet, as every freshly cloned one.
    """
    from IPython.display import display

    if len(alt.split()) < MINIMUM_WORDS:
        raise ValueError(f"alt needs at least {MINIMUM_WORDS} words that say what the figure shows")
    picture = {"image/png": base64.b64encode(png(plot, alt)).decode(), "text/plain": f"Figure: {alt}"}
    display(picture, raw=True, metadata={"image/png": {"alt": f"{alt}. {details}" if details else alt}})
    print(f"Figure: {alt}")


def png(plot: Any, alt: str) -> bytes:
    """A matplotlib figure as PNG that carries its description and no trace of when it was made."""
    buffer = io.BytesIO()
    facts = {"Description": alt, "Software": None}
    plot.savefig(buffer, format="png", dpi=120, bbox_inches="tight", metadata=facts)
    return buffer.getvalue()
