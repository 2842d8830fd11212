"""Write every drawing: ``python figures/src/build.py``. A test compares the files with what this makes."""

from __future__ import annotations

from pathlib import Path

import architecture
import autoscaling
import gpu_links
import gpu_operator
import gpu_topology
import helm_chart
import helm_pipeline
import monitoring
import nim
import request_flow
import storage
import substitution

FIGURES = Path(__file__).resolve().parent.parent


def drawings() -> dict[str, str]:
    """File name → SVG text."""
    made = {f"architecture-{lesson}.svg": architecture.draw(lesson).svg() for lesson in architecture.LESSONS}
    others = {
        "autoscaling": autoscaling,
        "gpu-links": gpu_links,
        "gpu-operator": gpu_operator,
        "gpu-topology": gpu_topology,
        "helm-chart": helm_chart,
        "helm-pipeline": helm_pipeline,
        "monitoring": monitoring,
        "nim": nim,
        "request-flow": request_flow,
        "storage": storage,
        "substitution": substitution,
    }
    return made | {f"{name}.svg": module.draw().svg() for name, module in others.items()}


if __name__ == "__main__":
    for name, text in drawings().items():
        (FIGURES / name).write_text(text)
        print(name)
