"""Build the documents of the course from their Markdown sources: a PDF and a DOCX, repeatably.

The built files are committed, and a test rebuilds and compares them. What would differ between machines is
avoided: the time of building, random identifiers, and, in the PDF, compression (implementations of zlib give
different bytes for the same text). The DOCX is compressed as usual and compared by its members.

Usage: python data/src/build.py [FOLDER]        default: data/documents
"""

from __future__ import annotations

import sys
from pathlib import Path

from docx_writer import write_docx
from markdown_source import parse
from pdf_writer import write_pdf

SOURCES = Path(__file__).parent
DOCUMENTS = SOURCES.parent / "documents"


def build(folder: Path) -> list[Path]:
    """Write every built document into `folder` and return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    pdf, docx = folder / "llama2_overview.pdf", folder / "gpu_policy.docx"
    write_pdf(parse(SOURCES / "llama2_overview.md"), pdf)
    write_docx(parse(SOURCES / "gpu_policy.md"), docx)
    return [pdf, docx]


if __name__ == "__main__":
    for path in build(Path(sys.argv[1]) if len(sys.argv) > 1 else DOCUMENTS):
        print(f"{path} ({path.stat().st_size // 1024} KiB)")
