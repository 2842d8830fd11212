"""Every link of every document leads somewhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from raglab.paths import CHECKOUT
from tests.documents.markdown import Document, anchor, documents


def broken(document: Document) -> list[str]:
    return [link for link in document.links if "://" not in link and not leads_somewhere(document.path, link)]


def leads_somewhere(origin: Path, link: str) -> bool:
    path, _, heading = link.partition("#")
    target = (origin.parent / path).resolve() if path else origin
    if not target.exists() or not target.is_relative_to(CHECKOUT):
        return False
    return not heading or heading in Document(target).anchors


@pytest.mark.parametrize("path", documents(), ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_links_lead_somewhere(path: Path):
    assert broken(Document(path)) == []


def test_broken_links_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("tests.documents.test_links.CHECKOUT", tmp_path)
    file = tmp_path / "a.md"
    file.write_text(
        "# What is `it`?\n\n# Twice\n\n# Twice\n\n"
        "[1](#what-is-it) [2](a.md#twice-1) [3](a.md#twice-2) [4](b.md) ![5](c.svg)\n"
    )
    assert broken(Document(file)) == ["a.md#twice-2", "b.md", "c.svg"]


def test_anchors_are_github_s():
    assert anchor("What is real, and what is simulated?") == "what-is-real-and-what-is-simulated"
