"""Settings of the query-router, all from environment variables.

The names follow the original service: ``APP_`` + section + field without inner underscores. `Settings.export`
hands what must not appear in a pipeline's YAML (database password, API key) to the libraries through the
environment.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

EMBEDDING = "nemollm-embedding"
LLM = "nemollm-inference"
DATABASE = "pgvector"
"""The names by which errors, health and metrics call the three services behind this one."""


class SettingsError(ValueError):
    """A variable holds a value that cannot work; the message names it."""


@dataclass(frozen=True)
class Settings:
    """What one query-router is told. Sizes of texts are in tokens as `tokens.count` estimates them."""

    host: str = "127.0.0.1"
    port: int = 8081
    llm_url: str = "nemollm-inference:8005"
    llm_model: str = "llama-2-7b-chat"
    llm_timeout: float = 120.0
    embedding_url: str = "nemollm-embedding:9080"
    embedding_model: str = "NV-Embed-QA"
    embedding_batch: int = 8
    """Chunks per embedding request: a search waits behind at most one such batch."""
    dimensions: int = 384
    database_url: str = "pgvector:5432"
    database: str = "api"
    database_user: str = "postgres"
    database_password: str = field(default="", repr=False)
    collection: str = "canonical-rag"
    chunk_size: int = 128
    chunk_overlap: int = 64
    """Half a chunk: chosen by measuring; README says how far that can be trusted."""
    top_k: int = 4
    max_context: int = 400
    """Retrieved text in a prompt. The original allowed 1500 tokens, seconds of work for a small model on a
    CPU.
    """
    max_upload: int = 25_000_000
    """Bytes of one file."""
    max_chunks: int = 5000
    """Chunks of one file: bounds the time one upload can occupy the embedding service."""
    chat_template: str = ""
    rag_template: str = ""

    def __post_init__(self) -> None:
        if not 0 <= self.chunk_overlap < self.chunk_size:
            raise SettingsError(
                f"APP_TEXTSPLITTER_CHUNKOVERLAP is {self.chunk_overlap}: it must be smaller than "
                f"APP_TEXTSPLITTER_CHUNKSIZE ({self.chunk_size}) and not negative"
            )

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Settings:
        """Read the variables of `VARIABLES`; an empty one counts as not set. Raises SettingsError."""
        values: dict[str, object] = {"host": env.get("POD_IP") or cls.host}
        for name, (variable, convert) in VARIABLES.items():
            if text := env.get(variable):
                try:
                    values[name] = convert(text)
                except ValueError as error:
                    raise SettingsError(f"{variable} is {text!r}: a positive number is needed") from error
        return cls(**values)  # type: ignore[arg-type]

    @property
    def table(self) -> str:
        """The table of the chunks, named as LlamaIndex named it in the original: ``data_`` + collection."""
        return f"data_{self.collection}"

    @property
    def llm_api(self) -> str:
        """Base address of the LLM NIM's OpenAI interface."""
        return _api(self.llm_url)

    @property
    def embedding_api(self) -> str:
        """Base address of the embedding NIM's interface."""
        return _api(self.embedding_url)

    def connection_string(self) -> str:
        """The database's address for libpq, without the password.

        Options of pgvector: look at enough neighbours for the largest search, and go on looking where deleted
        chunks would leave fewer than were asked for (iterative scans, since pgvector 0.8).
        """
        host, _, port = self.database_url.rpartition(":")
        options = r"-c hnsw.ef_search=100 -c hnsw.iterative_scan=strict_order"
        return (
            f"host={host} port={port} dbname={_quoted(self.database)} user={_quoted(self.database_user)} "
            f"connect_timeout=3 application_name=query-router options={_quoted(options)}"
        )

    def export(self) -> None:
        """Put address, password and API key where psycopg and the NIM components look for them."""
        os.environ["PG_CONN_STR"] = self.connection_string()
        os.environ["PGPASSWORD"] = self.database_password
        os.environ.setdefault("NVIDIA_API_KEY", "none")  # a NIM of one's own asks for no key, its client does
        os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "False"


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError(text)
    return number


VARIABLES: dict[str, tuple[str, Callable[[str], object]]] = {
    "host": ("HOST", str),
    "port": ("PORT", _positive),
    "llm_url": ("APP_LLM_SERVERURL", str),
    "llm_model": ("APP_LLM_MODELNAME", str),
    "llm_timeout": ("APP_LLM_TIMEOUT", float),
    "embedding_url": ("APP_EMBEDDINGS_SERVERURL", str),
    "embedding_model": ("APP_EMBEDDINGS_MODELNAME", str),
    "embedding_batch": ("APP_EMBEDDINGS_BATCHSIZE", _positive),
    "dimensions": ("APP_EMBEDDINGS_DIMENSIONS", _positive),
    "database_url": ("APP_VECTORSTORE_URL", str),
    "database": ("POSTGRES_DB", str),
    "database_user": ("POSTGRES_USER", str),
    "database_password": ("POSTGRES_PASSWORD", str),
    "collection": ("COLLECTION_NAME", str),
    "chunk_size": ("APP_TEXTSPLITTER_CHUNKSIZE", _positive),
    "chunk_overlap": ("APP_TEXTSPLITTER_CHUNKOVERLAP", int),
    "top_k": ("APP_RETRIEVER_TOPK", _positive),
    "max_context": ("APP_RETRIEVER_MAXCONTEXT", _positive),
    "max_upload": ("APP_UPLOAD_MAXBYTES", _positive),
    "max_chunks": ("APP_UPLOAD_MAXCHUNKS", _positive),
    "chat_template": ("APP_PROMPTS_CHATTEMPLATE", str),
    "rag_template": ("APP_PROMPTS_RAGTEMPLATE", str),
}


def _api(url: str) -> str:
    base = url if "://" in url else f"http://{url}"
    return base if base.rstrip("/").endswith("/v1") else f"{base.rstrip('/')}/v1"


def _quoted(value: str) -> str:
    """A value in libpq's keyword syntax."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
