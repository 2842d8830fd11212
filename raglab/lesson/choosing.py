"""`choose`: a control that shows one of several things, and, without a kernel, a table that says them all."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar

from raglab.lesson.figures import png

WIDGET = "application/vnd.jupyter.widget-view+json"
"""The form of an output that only a running kernel can show; recordings leave it out."""
MAXIMUM = 12
"""More rows than that nobody reads."""

T = TypeVar("T")


def choose(
    label: str,
    options: Mapping[str, T],
    words: Callable[[T], str],
    picture: Callable[[T], Any] | None = None,
) -> Choice[T]:
    """One of the `options` to look at: what `words` says of it, and its `picture` (a matplotlib figure), if any.

    In a running notebook it is a list to choose from. In a recording, in print and in plain text it is a table with
    the words of every option, so nothing is lost. ValueError without options, or with more than a table can hold.
    """
    if not 0 < len(options) <= MAXIMUM:
        raise ValueError(f"1 to {MAXIMUM} options can be shown, these are {len(options)}")
    return Choice(label, options, words, picture)


class Choice(Generic[T]):
    """What `choose` made; a notebook displays it."""

    def __init__(
        self,
        label: str,
        options: Mapping[str, T],
        words: Callable[[T], str],
        picture: Callable[[T], Any] | None,
    ) -> None:
        self.label, self.options, self._words, self._picture = label, options, words, picture
        self.rows = {name: words(option) for name, option in options.items()}

    def __repr__(self) -> str:
        width = max(map(len, (self.label, *self.rows)))
        return "\n".join(f"{name:{width}}  {words}" for name, words in self.rows.items())

    def _repr_html_(self) -> str:
        cell = "<td style='text-align: left'>{}</td>".format
        rows = (f"<tr>{cell(html.escape(n))}{cell(html.escape(w))}</tr>" for n, w in self.rows.items())
        head = f"<tr><th style='text-align: left'>{html.escape(self.label)}</th><th></th></tr>"
        return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        static = {"text/plain": repr(self), "text/html": self._repr_html_()}
        return static | {WIDGET: self.widget()._repr_mimebundle_()[WIDGET]}

    def widget(self) -> Any:
        """The control, and below it what is chosen."""
        import ipywidgets

        control = ipywidgets.Dropdown(options=list(self.options), description=self.label)
        below = ipywidgets.HTML(self._chosen(control.value))
        control.observe(lambda change: setattr(below, "value", self._chosen(change["new"])), names="value")
        return ipywidgets.VBox([control, below])

    def _chosen(self, name: str) -> str:
        words = html.escape(self.rows[name])
        if self._picture is None:
            return f"<p>{words}</p>"
        drawn = base64.b64encode(png(self._picture(self.options[name]), self.rows[name])).decode()
        alt = html.escape(f"{name}: {self.rows[name]}", quote=True)
        return f"<p>{words}</p><img alt='{alt}' src='data:image/png;base64,{drawn}' style='max-width: 100%'>"
