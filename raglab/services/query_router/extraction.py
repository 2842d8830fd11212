"""Turns the bytes of an uploaded file into text: paragraphs separated by blank lines, pages by form feeds.

Every way in which a file can be unusable has its own message. Libraries for one format are imported when a
file of that format arrives: most pods never see a Word document.
"""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import PurePosixPath

from raglab.services.query_router.errors import ApiError

MAX_UNPACKED = 200_000_000
"""Bytes a Word document may unpack to; a small archive can hold gigabytes of zeros."""
BLOCKS = (
    "p",
    "div",
    "section",
    "article",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "li",
    "table",
    "pre",
    "blockquote",
)
INVISIBLE = ("script", "style", "template", "noscript", "head", "svg")


def text_of(filename: str, content_type: str, data: bytes) -> str:
    """The text of a file. Raises ApiError 415 for other formats, 422 for a file without usable text."""
    extract = EXTRACTORS[format_of(filename, content_type)]
    if not data.strip():
        raise ApiError(422, f"{filename} is empty.")
    text = clean(extract(filename, data))
    if not any(character.isalnum() for character in text):
        raise ApiError(
            422, f"{filename} contains no text; a scanned document needs text recognition (OCR) first."
        )
    return text


def format_of(filename: str, content_type: str) -> str:
    """The format by file name, or by content type for names without a known ending. Raises ApiError 415."""
    suffix = PurePosixPath(filename.lower()).suffix
    found = SUFFIXES.get(suffix) or (
        CONTENT_TYPES.get(content_type.split(";")[0].strip()) if not suffix else None
    )
    if found is None:
        raise ApiError(415, f"{filename}: this kind of file is not supported; use {', '.join(SUFFIXES)}.")
    return found


def safe_name(name: str) -> str:
    """The last part of a file name without folders and control characters. Raises ApiError 422 if nothing is
    left.
    """
    base = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
    base = "".join(character for character in base if unicodedata.category(character)[0] != "C").strip()
    if base in ("", ".", ".."):
        raise ApiError(422, "The file has no name.")
    return base[-255:]


def clean(text: str) -> str:
    """Text that PostgreSQL and the models take: no NUL, no lone surrogates, no other control characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = re.sub(r"[\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff\ufeff]", "", text)
    text = re.sub(r"(\w)[-\u00ad]\n(?=[a-z])", r"\1", text)  # words divided at the end of a line
    return unicodedata.normalize("NFC", re.sub(r"[^\S\n\f]+", " ", text)).strip()


def _pdf(filename: str, data: bytes) -> str:
    import pypdf
    from pypdf.errors import PyPdfError

    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise ApiError(422, f"{filename} is encrypted: upload it without a password.")
        return "\f".join(page.extract_text() for page in reader.pages)
    except ApiError:
        raise
    except (
        PyPdfError,
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        IndexError,
        RecursionError,
        OSError,
    ) as error:
        # pypdf reports damage by whatever its parser stumbled on
        raise ApiError(422, f"{filename} is not a readable PDF: {error}") from error


def _docx(filename: str, data: bytes) -> str:
    import docx

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(item.file_size for item in archive.infolist()) > MAX_UNPACKED:
                raise ApiError(422, f"{filename} unpacks to more than {MAX_UNPACKED // 1_000_000} MB.")
        blocks = list(docx.Document(io.BytesIO(data)).iter_inner_content())
    except (zipfile.BadZipFile, KeyError, ValueError, SyntaxError) as error:
        raise ApiError(422, f"{filename} is not a readable Word document: {error}") from error
    return "\n\n".join(
        block.text
        if hasattr(block, "text")
        else "\n".join(" | ".join(cell.text for cell in row.cells) for row in block.rows)
        for block in blocks
    )


def _html(filename: str, data: bytes) -> str:
    from bs4 import BeautifulSoup

    soup = BeautifulSoup(data, "html.parser")
    for tag in soup(INVISIBLE):
        tag.decompose()
    for tag in soup(BLOCKS):
        tag.append("\n\n")
    for tag in soup(("br", "tr")):
        tag.append("\n")
    for tag in soup(("td", "th")):
        tag.append(" | ")
    return re.sub(r"\s*\n\s*\n\s*", "\n\n", soup.get_text())


def _markdown(filename: str, data: bytes) -> str:
    from markdown_it import MarkdownIt

    return _html(filename, MarkdownIt("commonmark").enable("table").render(_text(filename, data)).encode())


def _text(filename: str, data: bytes) -> str:
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise ApiError(422, f"{filename} is not UTF-8 text: {error.reason} at byte {error.start}.") from error


EXTRACTORS: dict[str, Callable[[str, bytes], str]] = {
    "pdf": _pdf,
    "docx": _docx,
    "html": _html,
    "markdown": _markdown,
    "text": _text,
}
SUFFIXES = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".html": "html",
    ".htm": "html",
    ".md": "markdown",
    ".markdown": "markdown",
    ".txt": "text",
}
CONTENT_TYPES = {
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "text/html": "html",
    "text/markdown": "markdown",
    "text/plain": "text",
}
