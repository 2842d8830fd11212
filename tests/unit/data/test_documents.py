"""The built documents are those of their sources, and they are what the lessons promise."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pypdf
import pytest

DATA = Path(__file__).parents[3] / "data"


@pytest.fixture(scope="module")
def rebuilt(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("documents")
    script = DATA / "src" / "build.py"
    subprocess.run([sys.executable, "-B", str(script), str(folder)], check=True, timeout=60)
    return folder


@pytest.fixture(scope="module")
def pdf() -> pypdf.PdfReader:
    return pypdf.PdfReader(DATA / "documents" / "llama2_overview.pdf")


def test_the_pdf_is_built_from_its_source(rebuilt):
    name = "llama2_overview.pdf"
    assert (rebuilt / name).read_bytes() == (DATA / "documents" / name).read_bytes(), "run data/src/build.py"


def test_the_docx_is_built_from_its_source(rebuilt):
    def members(folder: Path) -> dict[str, bytes]:
        with zipfile.ZipFile(folder / "gpu_policy.docx") as packed:
            return {name: packed.read(name) for name in packed.namelist()}

    assert members(rebuilt) == members(DATA / "documents"), "run data/src/build.py"


def test_the_pdf_has_at_least_fifteen_pages_of_text(pdf):
    assert len([page for page in pdf.pages if len(page.extract_text().split()) > 150]) >= 15


def test_the_pdf_has_tables_chapters_and_page_numbers(pdf):
    pages = [page.extract_text() for page in pdf.pages]
    text = "\n".join(pages)
    captions = {int(number) for number in re.findall(r"^Table (\d+)\. ", text, flags=re.MULTILINE)}
    assert captions == set(range(1, 17))
    chapters = [entry.title for entry in pdf.outline if not isinstance(entry, list)]
    assert [title for title in chapters if title[0].isdigit()][8] == "9. Safety evaluation of Llama 2-Chat"
    assert all(f"Page {number}" in page for number, page in enumerate(pages, 1) if number > 1)


def test_no_character_is_missing_in_the_fonts(pdf):
    """The standard PDF fonts know Latin-1 only; ReportLab prints a black box for anything else."""
    source = (DATA / "src" / "llama2_overview.md").read_text(encoding="utf-8")
    assert source.encode("cp1252")
    assert "\u25a0" not in "".join(page.extract_text() for page in pdf.pages)


def test_the_documents_are_small():
    assert sum(path.stat().st_size for path in (DATA / "documents").iterdir()) < 300_000
