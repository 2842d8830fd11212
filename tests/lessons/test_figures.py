"""Pictures and their sources agree, and every picture describes itself."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import pytest

from raglab import paths

FIGURES = sorted((paths.CHECKOUT / "figures").glob("*.svg"))
SVG = "{http://www.w3.org/2000/svg}"


def test_pictures_equal_their_sources() -> None:
    code = "import build, json; print(json.dumps(build.drawings()))"
    made = subprocess.run(
        [sys.executable, "-c", code],
        cwd=paths.CHECKOUT / "figures" / "src",
        capture_output=True,
        text=True,
        check=True,
    )
    import json

    assert json.loads(made.stdout) == {path.name: path.read_text() for path in FIGURES}, (
        "run python figures/src/build.py"
    )


@pytest.mark.parametrize("path", FIGURES, ids=lambda path: path.stem)
def test_picture_has_title_description_and_dark_mode(path) -> None:
    root = ElementTree.fromstring(path.read_text())
    assert root.find(f"{SVG}title").text
    assert len(root.find(f"{SVG}desc").text.split()) >= 10
    assert "prefers-color-scheme: dark" in path.read_text()
