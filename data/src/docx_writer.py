"""Write a document as DOCX with python-docx, then pack it again with fixed dates."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime
from pathlib import Path

from docx import Document as new_document
from docx.document import Document as Docx
from docx.text.paragraph import Paragraph
from markdown_source import Block, Document

EPOCH = datetime(2000, 1, 1)


def write_docx(document: Document, target: Path) -> None:
    """Write `document` into the file `target`; the same document gives the same members."""
    docx = new_document()
    _properties(docx, document.meta)
    docx.add_heading(document.meta["title"], level=0)
    for block in document.blocks:
        _add(docx, block)
    buffer = io.BytesIO()
    docx.save(buffer)
    _repack(buffer, target)


def _properties(docx: Docx, meta: dict[str, str]) -> None:
    core = docx.core_properties
    core.title, core.author, core.comments = meta["title"], meta["author"], ""
    core.created = core.modified = EPOCH


def _add(docx: Docx, block: Block) -> None:
    match block.kind:
        case "heading":
            docx.add_heading(_plain(block.text), level=block.level)
        case "table":
            _add_table(docx, block.rows)
        case "item":
            _runs(docx.add_paragraph(style="List Bullet"), block.text)
        case "caption":
            docx.add_paragraph(_plain(block.text), style="Caption")
        case "paragraph":
            _runs(docx.add_paragraph(), block.text)


def _add_table(docx: Docx, rows: tuple[tuple[str, ...], ...]) -> None:
    table = docx.add_table(rows=len(rows), cols=len(rows[0]), style="Light Grid Accent 1")
    for cells, texts in zip(table.rows, rows, strict=True):
        for cell, text in zip(cells.cells, texts, strict=True):
            cell.text = _plain(text)


def _runs(paragraph: Paragraph, text: str) -> None:
    """Add `text`, in bold where it stands between <b> and </b>."""
    for piece in re.split(r"(<b>.*?</b>)", text):
        run = paragraph.add_run(_plain(piece))
        run.bold = piece.startswith("<b>") or None


def _plain(text: str) -> str:
    text = re.sub(r"</?[bi]>", "", text)
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _repack(buffer: io.BytesIO, target: Path) -> None:
    with zipfile.ZipFile(buffer) as packed, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as repacked:
        for name in packed.namelist():
            repacked.writestr(
                zipfile.ZipInfo(name, date_time=EPOCH.timetuple()[:6]),
                packed.read(name),
                zipfile.ZIP_DEFLATED,
            )
