"""`figure`: show a drawing or a plot together with the text that describes it."""

from __future__ import annotations

from typing import Any

MINIMUM_WORDS = 5


def figure(plot: Any, alt: str) -> None:
    """Display a matplotlib figure as SVG whose description (`alt`, at least five words) screen readers can read."""
    import io

    import matplotlib as mpl
    from IPython.display import SVG, display

    if len(alt.split()) < MINIMUM_WORDS:
        raise ValueError(f"alt needs at least {MINIMUM_WORDS} words that say what the figure shows")
    buffer = io.StringIO()
    described = {"Date": None, "Title": alt, "Description": alt}
    # A fixed salt and no date make the same data give the same picture.
    with mpl.rc_context({"svg.hashsalt": "raglab"}):
        plot.savefig(buffer, format="svg", bbox_inches="tight", metadata=described)
    display(SVG(_described(buffer.getvalue(), alt)), metadata={"image/svg+xml": {"alt": alt}})
    print(f"Figure: {alt}")


def _described(svg: str, alt: str) -> str:
    from xml.sax.saxutils import quoteattr

    return svg.replace("<svg ", f"<svg role='img' aria-label={quoteattr(alt)} ", 1)
