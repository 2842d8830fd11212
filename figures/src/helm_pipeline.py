"""A Helm pipeline: three charts with their values, applied in order, become one application."""

from __future__ import annotations

from drawing import Drawing

CHARTS = (("nemollm-inference", "blue"), ("nemollm-embedding", "red"), ("rag-app", "green"))


def draw() -> Drawing:
    """Charts on the left, values beside them, the application on the right."""
    d = Drawing(
        760, 270, "A Helm pipeline",
        "Three rows, one for each chart: nemollm-inference, nemollm-embedding, rag-app. In each row the chart's "
        "templates and a values file go into Helm, which makes a release. Together the three releases are the application.",
    )  # fmt: skip
    d.text(95, 24, "chart: templates", "small")
    d.text(285, 24, "values for this target", "small")
    d.text(475, 24, "release", "small")
    for row, (name, colour) in enumerate(CHARTS):
        y = 40 + 75 * row
        d.box((15, y), (160, 52), [name, "templates, defaults"], colour)
        d.box((205, y), (160, 52), [f"{name}.yaml", "what differs here"], colour)
        d.box((415, y), (120, 52), [f"{row + 1}", name], colour)
        d.arrow([(175, y + 26), (203, y + 26)])
        d.arrow([(365, y + 26), (413, y + 26)], "helm")
        d.arrow([(535, y + 26), (575, y + 26), (575, 140), (608, 140)])
    d.box((610, 105), (135, 70), ["RAG application", "one namespace"], "grey")
    return d
