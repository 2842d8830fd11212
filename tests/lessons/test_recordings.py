"""Outputs in the repository are recorded by running, in one canonical form."""

from __future__ import annotations

import nbformat

from raglab.lesson.recording import canonical, digest
from tests.lessons.notebook import Notebook


def test_outputs_are_recorded_not_edited(notebook: Notebook) -> None:
    stored = nbformat.read(notebook.path, as_version=4)
    stamp = stored.metadata.get("raglab", {})
    assert stamp.get("digest") == digest(stored), "cells changed after recording: run raglab record"


def test_every_code_cell_was_run(notebook: Notebook) -> None:
    for number, cell in enumerate((c for c in notebook.raw["cells"] if c["cell_type"] == "code"), 1):
        assert cell["execution_count"] == number, "run the notebook from its beginning: raglab record"


def test_file_is_canonical(notebook: Notebook) -> None:
    stored = nbformat.read(notebook.path, as_version=4)
    assert canonical(stored) == notebook.path.read_text(), "the file differs from what raglab record writes"
