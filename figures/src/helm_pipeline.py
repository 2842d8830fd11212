"""A Helm pipeline: three charts with their values, applied in order, become one application."""

from __future__ import annotations

from drawing import Drawing

CHARTS = (("nemollm-inference", "blue"), ("nemollm-embedding", "red"), ("rag-app", "green"))


def draw() -> Drawing:
    """Charts on the left, values beside them, the application on the right."""
    d = Drawing(
        860, 270, "A Helm pipeline",
        "Three rows, one for each chart: nemollm-inference, nemollm-embedding, rag-app. In each row the chart's "
        "templates and a values file go into Helm, which makes a release. Together the three releases are the "
        "application.",
    )  # fmt: skip
    for x, heading in ((100, "chart"), (320, "values for this target"), (560, "release")):
        d.text(x, 24, heading, "small")
    for row, (name, colour) in enumerate(CHARTS):
        y = 40 + 75 * row
        d.box((15, y), (170, 52), [name, "templates, defaults"], colour)
        d.box((215, y), (210, 52), [f"{name}.yaml", "what differs here"], colour)
        d.box((480, y), (160, 52), [name, f"installed as number {row + 1}"], colour)
        d.arrow([(185, y + 26), (213, y + 26)])
        d.arrow([(425, y + 26), (478, y + 26)], "helm")
        d.arrow([(640, y + 26), (665, y + 26), (665, 141), (698, 141)])
    d.box((700, 105), (145, 70), ["RAG application", "one namespace"], "grey")
    return d
