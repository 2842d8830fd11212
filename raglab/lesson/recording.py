"""`raglab record`: run notebooks and store what their cells really printed.

The outputs' digest goes into the notebook's metadata, so that a test can tell a hand-edited output from a recorded one.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

from raglab import __version__
from raglab.lesson import cluster
from raglab.lesson.choosing import WIDGET
from raglab.targets import Target

CELL_LIMIT = 240  # seconds
KERNEL = {"name": "python3", "display_name": "Python 3 (raglab)", "language": "python"}


def notebooks(folder: Path, numbers: Iterable[str]) -> list[Path]:
    """The lessons' notebooks in order; all of them when no number is given."""
    found = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    wanted = set(numbers)
    return [path for path in found if not wanted or path.name[:2] in wanted]


def record(path: Path, target: Target) -> float:
    """Run one notebook and write its outputs; returns seconds. Nothing is written if a cell fails."""
    os.environ.update(target.environment())
    notebook = nbformat.read(path, as_version=4)
    started = time.monotonic()
    NotebookClient(notebook, timeout=CELL_LIMIT, resources={"metadata": {"path": str(path.parent)}}).execute()
    seconds = time.monotonic() - started
    leave_out_widgets(notebook)
    stamp(notebook, target, seconds)
    path.write_text(canonical(notebook))
    return seconds


def leave_out_widgets(notebook: NotebookNode) -> None:
    """A widget lives as long as its kernel; what stands beside it in an output says the same."""
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            output.get("data", {}).pop(WIDGET, None)


def stamp(notebook: NotebookNode, target: Target, seconds: float) -> None:
    """Say where, when and with which versions the outputs were made."""
    versions = json.loads(cluster.kubectl("version", "-o", "json"))
    notebook.metadata = NotebookNode(
        kernelspec=KERNEL,
        language_info={"name": "python"},
        raglab={
            "digest": digest(notebook),
            "kubernetes": versions["serverVersion"]["gitVersion"],
            "raglab": __version__,
            "recorded": datetime.now(UTC).date().isoformat(),
            "seconds": round(seconds),
            "target": target.name,
        },
    )


def digest(notebook: NotebookNode) -> str:
    """Fingerprint of all sources and outputs together."""
    cells = [(cell.cell_type, cell.source, cell.get("outputs", [])) for cell in notebook.cells]
    return hashlib.sha256(json.dumps(cells, sort_keys=True).encode()).hexdigest()


def canonical(notebook: NotebookNode) -> str:
    """One text for one notebook: stable ids, sorted keys, no traces of the run (times, counts that vary)."""
    for index, cell in enumerate(notebook.cells):
        cell.id = f"cell-{index:03}"
        cell.metadata.pop("execution", None)
    return json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
