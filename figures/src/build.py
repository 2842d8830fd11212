"""Write every drawing: ``python figures/src/build.py``. A test compares the files with what this makes."""

from __future__ import annotations

from pathlib import Path

import architecture
import gpu_links
import helm_pipeline

FIGURES = Path(__file__).resolve().parent.parent


def drawings() -> dict[str, str]:
    """File name → SVG text."""
    made = {f"architecture-{lesson}.svg": architecture.draw(lesson).svg() for lesson in architecture.LESSONS}
    return made | {"helm-pipeline.svg": helm_pipeline.draw().svg(), "gpu-links.svg": gpu_links.draw().svg()}


if __name__ == "__main__":
    for name, text in drawings().items():
        (FIGURES / name).write_text(text)
        print(name)
