"""What is in the table of chunks, by file; and the table itself."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from raglab.services.query_router import pipelines
from raglab.services.query_router.settings import Settings

SETUP_LOCK = 0x7261676C6162
"""Key of the advisory lock under which one process at a time makes extension, table and indexes."""


@dataclass(frozen=True)
class File:
    """An indexed file: its name, number of chunks and the time of its upload (ISO 8601, UTC)."""

    filename: str
    chunks: int
    uploaded: str

    def row(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


class Library:
    """Lists and deletes files. A connection per call: these calls are rare."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._ready = False

    def ensure_table(self) -> None:
        """Make extension, table and indexes unless this process did so already. Raises psycopg's or
        Haystack's errors.
        """
        with self._lock:
            if self._ready:
                return
            with self._connection() as connection:
                connection.execute("SELECT pg_advisory_lock(%s)", [SETUP_LOCK])
                store = pipelines.document_store(self._settings)
                store.count_documents()
                store.close()
            self._ready = True

    def forget_table(self) -> None:
        """Look again next time: the database failed and may come back empty."""
        self._ready = False

    def files(self) -> list[File]:
        """All files, by name."""
        query = (
            "SELECT meta->>'filename', count(*), coalesce(max(meta->>'uploaded'), '') FROM {} "
            "WHERE meta ? 'filename' GROUP BY 1 ORDER BY 1"
        )
        with self._connection() as connection:
            return [File(*row) for row in connection.execute(self._sql(query))]

    def delete(self, filename: str) -> int:
        """Remove a file; returns the number of its chunks, 0 if it is not there."""
        with self._connection() as connection:
            delete = self._sql("DELETE FROM {} WHERE meta->>'filename' = %s")
            return connection.execute(delete, [filename]).rowcount

    def ping(self) -> None:
        """Raises psycopg.Error when the database does not answer."""
        with self._connection() as connection:
            connection.execute("SELECT 1")

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection]:
        with psycopg.connect(os.environ["PG_CONN_STR"]) as connection:
            yield connection

    def _sql(self, text: str) -> Composed:
        return SQL(text).format(Identifier("public", self._settings.table))  # type: ignore[arg-type]
