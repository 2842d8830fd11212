"""A Helm pipeline: three charts with their values, applied in order, become one application."""

from __future__ import annotations

import yaml
from drawing import APPLICATION, NIM, OBJECT, YOURS, Drawing

from raglab import paths

PIPELINE = paths.CHECKOUT / "kubernetes-config" / "helm-pipeline.yaml"


def charts() -> list[str]:
    """The charts in the order of the pipeline that the lesson shows."""
    return [one["chartSpec"]["chart"] for one in yaml.safe_load(PIPELINE.read_text())["spec"]["pipeline"]]


def draw() -> Drawing:
    """Charts on the left, values beside them, the application on the right."""
    d = Drawing(
        900, 265, "A Helm pipeline",
        f"Three rows, one for each chart, in the order of installation: {', '.join(charts())}. In each row the "
        "chart's templates and a values file go into Helm, which makes a release. Together the three releases are "
        "the application.",
    )  # fmt: skip
    for x, heading in ((108, "chart"), (345, "values for this target"), (608, "release")):
        d.text(x, 26, heading)
    for row, name in enumerate(charts()):
        y = 40 + 75 * row
        d.box((15, y), (185, 54), [f"{name}/", "templates, defaults"], OBJECT)
        d.box((230, y), (230, 54), [f"{name}.yaml", "what differs here"], YOURS)
        kind = NIM if name.startswith("nemollm") else APPLICATION
        d.box((515, y), (185, 54), [name, f"installed as number {row + 1}"], kind)
        d.arrow([(200, y + 27), (228, y + 27)])
        d.arrow([(460, y + 27), (513, y + 27)], "helm")
        d.arrow([(700, y + 27), (722, y + 27), (722, 142), (748, 142)])
    d.box((750, 107), (140, 70), ["The application", "one namespace"], APPLICATION)
    return d
