"""A line in a notebook that changes while something runs and is empty afterwards, so that recordings stay stable."""

from __future__ import annotations

import html
from types import TracebackType
from typing import Any, ClassVar


class LiveLine:
    """``with LiveLine() as line: line.show("3 of 5")``. Outside a notebook it shows nothing.

    Inside another one it uses that one's line: what works in many steps has one line in all.
    """

    _outer: ClassVar[Any] = None

    def __enter__(self) -> LiveLine:
        self._before = LiveLine._outer
        self._handle: Any = self._before or _display("")
        LiveLine._outer = self._handle
        return self

    def show(self, text: str) -> None:
        """Replace the line."""
        if self._handle is not None:
            self._handle.update(_Line(text))

    def draw(self, png: bytes) -> None:
        """Put a picture in the place of the line."""
        if self._handle is not None:
            self._handle.update(_Picture(png))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.show("")
        LiveLine._outer = self._before


class _Picture:
    """Renders as an image in a notebook and as nothing in plain text."""

    def __init__(self, png: bytes) -> None:
        self._png = png

    def _repr_png_(self) -> bytes:
        return self._png

    def __repr__(self) -> str:
        return ""


class _Line:
    """Renders as grey text in a notebook and as nothing in plain text."""

    def __init__(self, text: str) -> None:
        self._text = text

    def _repr_html_(self) -> str:
        return f"<span style='color:gray'>⏳ {html.escape(self._text)}</span>" if self._text else ""

    def __repr__(self) -> str:
        return ""


def _display(text: str) -> Any:
    from IPython.core.getipython import get_ipython
    from IPython.display import display

    if getattr(get_ipython(), "kernel", None) is None:
        return None
    return display(_Line(text), display_id=True)
