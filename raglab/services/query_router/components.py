"""The Haystack components that are our own; all others come from Haystack and its NVIDIA and pgvector
integrations.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import psycopg
from haystack import Document, component, default_from_dict, default_to_dict
from haystack.dataclasses import ByteStream, ChatMessage
from haystack_integrations.document_stores.pgvector import PgvectorDocumentStore
from psycopg.sql import SQL, Composed, Identifier
from psycopg.types.json import Jsonb

from raglab.services.query_router import extraction, splitting, tokens
from raglab.services.query_router.errors import ApiError

logger = logging.getLogger(__name__)


@component
class FileReader:
    """Reads one uploaded file: PDF, Word, HTML, Markdown or text."""

    @component.output_types(document=Document)
    def run(self, source: ByteStream) -> dict[str, Document]:
        """``source.meta["filename"]`` names the file. Raises ApiError 415 or 422."""
        filename = source.meta["filename"]
        text = extraction.text_of(filename, source.mime_type or "", source.data)
        uploaded = datetime.now(UTC).isoformat(timespec="seconds")
        return {"document": Document(content=text, meta={"filename": filename, "uploaded": uploaded})}


@component
class SentenceSplitter:
    """Cuts a document into overlapping chunks of whole sentences; sizes in estimated tokens."""

    def __init__(self, chunk_size: int = 128, chunk_overlap: int = 64, max_chunks: int = 5000) -> None:
        self.chunk_size = chunk_size
        self.chunk_overlap = chunk_overlap
        self.max_chunks = max_chunks

    @component.output_types(documents=list[Document])
    def run(self, document: Document) -> dict[str, list[Document]]:
        """Chunks carry the document's metadata, their number from 0 and the page they begin on, from 1."""
        documents = [
            Document(content=chunk.text, meta={**document.meta, "chunk": number, "page": chunk.page})
            for number, chunk in enumerate(
                splitting.chunks(document.content or "", self.chunk_size, self.chunk_overlap)
            )
        ]
        if len(documents) > self.max_chunks:
            text = f"The document gives {len(documents)} chunks; at most {self.max_chunks} are accepted."
            raise ApiError(413, text)
        return {"documents": documents}


@component
class ReplacingWriter:
    """Writes the chunks of one file in place of those it had.

    One transaction: a search sees either all old chunks or all new ones. An advisory lock on the file's name
    lets two uploads of the same file follow each other.
    """

    def __init__(self, document_store: PgvectorDocumentStore) -> None:
        self.document_store = document_store

    def to_dict(self) -> dict[str, Any]:
        """For the pipeline's YAML."""
        return default_to_dict(self, document_store=self.document_store.to_dict())

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> ReplacingWriter:
        """From the pipeline's YAML."""
        parameters = data["init_parameters"]
        parameters["document_store"] = PgvectorDocumentStore.from_dict(parameters["document_store"])
        return default_from_dict(cls, data)

    @component.output_types(documents_written=int, documents_replaced=int)
    def run(self, documents: list[Document]) -> dict[str, int]:
        """All ``documents`` are chunks of the file named in their metadata, with embeddings."""
        filename = documents[0].meta["filename"]
        address = self.document_store.connection_string.resolve_value() or ""
        with psycopg.connect(address) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [filename])
            delete = self._sql("DELETE FROM {} WHERE meta->>'filename' = %s")
            replaced = connection.execute(delete, [filename]).rowcount
            insert = self._sql(
                "INSERT INTO {} (id, embedding, content, meta) VALUES (%s, %s::vector, %s, %s)"
            )
            rows = [(item.id, str(item.embedding), item.content, Jsonb(item.meta)) for item in documents]
            connection.cursor().executemany(insert, rows)
        return {"documents_written": len(documents), "documents_replaced": replaced}

    def _sql(self, text: str) -> Composed:
        return SQL(text).format(Identifier(self.document_store.schema_name, self.document_store.table_name))  # type: ignore[arg-type]


@component
class ContextBudget:
    """Keeps the best passages that fit into a number of tokens: what a model must read, it reads before
    answering.
    """

    def __init__(self, max_tokens: int = 400) -> None:
        self.max_tokens = max_tokens

    @component.output_types(documents=list[Document])
    def run(self, documents: list[Document]) -> dict[str, list[Document]]:
        """``documents`` best first; the first is cut if it alone is too long, later ones that do not fit are
        left.
        """
        kept: list[Document] = []
        left = self.max_tokens
        for document in documents:
            text = document.content or ""
            if (size := tokens.count(text)) > left:
                if kept:
                    break
                document, size = replace(document, content=tokens.cut(text, left)), left
            kept.append(document)
            left -= size
        return {"documents": kept}


@component
class PromptLog:
    """Writes the prompt to the log on its way to the model."""

    @component.output_types(messages=list[ChatMessage])
    def run(self, messages: list[ChatMessage]) -> dict[str, list[ChatMessage]]:
        """Messages pass unchanged."""
        text = "\n".join(f"[{message.role.value}] {message.text}" for message in messages)
        logger.info("Prompt used for response generation:\n%s", text)
        return {"messages": messages}
