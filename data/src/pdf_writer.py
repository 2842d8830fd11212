"""Typeset a document as PDF with ReportLab: title page, table of contents, numbered pages, outline.

The fonts are the standard ones every PDF viewer has, so nothing is embedded; they cover Latin-1 only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from markdown_source import Block, Document
from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    CondPageBreak,
    Flowable,
    Frame,
    KeepTogether,
    NextPageTemplate,
    PageBreak,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)
from reportlab.platypus.tableofcontents import TableOfContents

INK, ACCENT, PALE = colors.HexColor("#1b1f24"), colors.HexColor("#2f5d00"), colors.HexColor("#f2f5ee")
MARGIN = 25 * mm
WIDTH = A4[0] - 2 * MARGIN

_BODY = ParagraphStyle(
    "body", fontName="Times-Roman", fontSize=11, leading=15.5, spaceAfter=7, textColor=INK, allowWidows=0,
    allowOrphans=0,
)  # fmt: skip
STYLES = {
    "body": _BODY,
    "item": ParagraphStyle("item", _BODY, leftIndent=14, bulletIndent=2),
    "caption": ParagraphStyle(
        "caption", _BODY, fontName="Helvetica", fontSize=9, leading=12, spaceBefore=6, spaceAfter=4
    ),
    "cell": ParagraphStyle("cell", _BODY, fontName="Helvetica", fontSize=8.5, leading=11, spaceAfter=0),
    "head": ParagraphStyle("head", _BODY, fontName="Helvetica-Bold", fontSize=8.5, leading=11, spaceAfter=0),
    1: ParagraphStyle(
        "h1", _BODY, fontName="Helvetica-Bold", fontSize=18, leading=23, spaceBefore=18, spaceAfter=9,
        textColor=ACCENT, keepWithNext=1,
    ),
    2: ParagraphStyle(
        "h2", _BODY, fontName="Helvetica-Bold", fontSize=12.5, leading=17, spaceBefore=9, spaceAfter=4, keepWithNext=1
    ),
    "title": ParagraphStyle(
        "title", _BODY, fontName="Helvetica-Bold", fontSize=34, leading=40, alignment=TA_CENTER, textColor=ACCENT
    ),
    "subtitle": ParagraphStyle("subtitle", _BODY, fontName="Helvetica", fontSize=15, leading=21, alignment=TA_CENTER),
    "note": ParagraphStyle("note", _BODY, fontName="Times-Italic", fontSize=11, alignment=TA_CENTER),
}  # fmt: skip


class _Pages(BaseDocTemplate):
    """Lays out pages, and reports headings to the table of contents and to the viewer's outline."""

    def __init__(self, target: Path, meta: dict[str, str]) -> None:
        super().__init__(
            str(target), pagesize=A4, title=f"{meta['title']}: {meta['subtitle']}", author=meta["author"],
            invariant=1, pageCompression=0,
        )  # fmt: skip
        self._running_title = meta["title"] + ": an overview"
        frame = Frame(MARGIN, MARGIN, WIDTH, A4[1] - 2 * MARGIN, leftPadding=0, rightPadding=0)
        self.addPageTemplates(
            [PageTemplate("title", [frame]), PageTemplate("text", [frame], onPage=self._decorate)]
        )

    def _decorate(self, canvas: Canvas, _: BaseDocTemplate) -> None:
        canvas.setFont("Helvetica", 8.5)
        canvas.setFillColor(colors.grey)
        canvas.drawString(MARGIN, 15 * mm, self._running_title)
        canvas.drawRightString(A4[0] - MARGIN, 15 * mm, f"Page {canvas.getPageNumber()}")

    def afterFlowable(self, flowable: Flowable) -> None:
        level = getattr(flowable, "heading_level", 0)
        if level:
            text, key = flowable.getPlainText(), f"heading-{self.seq.nextf('heading')}"
            self.canv.bookmarkPage(key)
            self.canv.addOutlineEntry(text, key, level - 1, closed=level > 1)
            self.notify("TOCEntry", (level - 1, text, self.page, key))


def write_pdf(document: Document, target: Path) -> None:
    """Typeset `document` into the file `target`; the same document gives the same bytes."""
    pages = _Pages(target, document.meta)
    pages.multiBuild(_front_matter(document.meta) + _story(document.blocks))


def _front_matter(meta: dict[str, str]) -> list[Flowable]:
    contents = TableOfContents(tableStyle=TableStyle([("TOPPADDING", (0, 0), (-1, -1), 0)]))
    contents.tableStyle.add("BOTTOMPADDING", (0, 0), (-1, -1), 0)
    # No dots between title and page number: text extraction would return them as words.
    contents.dotsMinLevel = 3
    contents.levelStyles = [
        ParagraphStyle("toc1", STYLES["head"], fontSize=9, leading=10.5, spaceBefore=2),
        ParagraphStyle("toc2", STYLES["cell"], fontSize=8.2, leading=9.5, leftIndent=14),
    ]
    return [
        Spacer(1, 70 * mm),
        Paragraph(meta["title"], STYLES["title"]),
        Spacer(1, 6 * mm),
        Paragraph(meta["subtitle"], STYLES["subtitle"]),
        Spacer(1, 12 * mm),
        Paragraph(meta["note"], STYLES["note"]),
        Paragraph(meta["author"], STYLES["note"]),
        NextPageTemplate("text"),
        PageBreak(),
        Paragraph("Contents", STYLES[1]),
        contents,
        PageBreak(),
    ]


def _story(blocks: tuple[Block, ...]) -> list[Flowable]:
    story: list[Flowable] = []
    caption: Paragraph | None = None
    for block in blocks:
        if block.kind == "caption":
            caption = Paragraph(block.text, STYLES["caption"])
        elif block.kind == "table":
            table = _table(block.rows)
            story += [KeepTogether([caption, table] if caption else [table]), Spacer(1, 10)]
            caption = None
        else:
            story += _text(block)
    return story


def _text(block: Block) -> list[Flowable]:
    if block.kind == "heading":
        heading = Paragraph(block.text, STYLES[block.level])
        heading.heading_level = block.level
        # A chapter starts on a new page when less than a third of this one is left.
        return [CondPageBreak(80 * mm if block.level == 1 else 30 * mm), heading]
    if block.kind == "item":
        return [Paragraph(block.text, STYLES["item"], bulletText="\u2022")]
    return [Paragraph(block.text, STYLES["body"])]


def _table(rows: tuple[tuple[str, ...], ...]) -> Table:
    cells: list[list[Any]] = [[Paragraph(text, STYLES["head"]) for text in rows[0]]]
    cells += [[Paragraph(text, STYLES["cell"]) for text in row] for row in rows[1:]]
    table = Table(cells, colWidths=_widths(rows), repeatRows=1, hAlign="LEFT")
    table.setStyle(
        TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("BACKGROUND", (0, 0), (-1, 0), PALE),
                ("LINEABOVE", (0, 0), (-1, 0), 0.8, ACCENT),
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, ACCENT),
                ("LINEBELOW", (0, 1), (-1, -1), 0.25, colors.lightgrey),
                ("TOPPADDING", (0, 0), (-1, -1), 3),
                ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
            ]
        )
    )
    return table


def _widths(rows: tuple[tuple[str, ...], ...]) -> list[float]:
    """Column widths: what the longest text of each column needs, scaled down to the page when too much."""
    padding = 14.0
    needed, shortest = [], []
    for column in zip(*rows, strict=True):
        needed.append(max(stringWidth(text, "Helvetica-Bold", 8.5) for text in column) + padding)
        words = [word for text in column for word in text.split()] or [""]
        shortest.append(max(stringWidth(word, "Helvetica-Bold", 8.5) for word in words) + padding)
    if sum(needed) <= WIDTH:
        return needed
    spare = WIDTH - sum(shortest)
    extra = [need - least for need, least in zip(needed, shortest, strict=True)]
    return [least + spare * more / sum(extra) for least, more in zip(shortest, extra, strict=True)]
