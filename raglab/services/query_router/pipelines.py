"""The three methods of the service as Haystack pipelines, built plainly so that a lesson can open them up.

indexing    reader -> splitter -> embedder -> writer retrieval   embedder -> retriever generation  budget ->
prompt -> log -> llm

``Pipeline.dumps()`` gives their YAML; addresses and sizes are in it, the password and the API key are not
(the components read PG_CONN_STR, PGPASSWORD and NVIDIA_API_KEY when they run).
"""

from __future__ import annotations

from haystack import Pipeline
from haystack.components.builders import ChatPromptBuilder
from haystack.utils import Secret
from haystack_integrations.components.embedders.nvidia import NvidiaDocumentEmbedder, NvidiaTextEmbedder
from haystack_integrations.components.generators.nvidia import NvidiaChatGenerator
from haystack_integrations.components.retrievers.pgvector import PgvectorEmbeddingRetriever
from haystack_integrations.document_stores.pgvector import PgvectorDocumentStore

from raglab.services.query_router import prompts
from raglab.services.query_router.components import (
    ContextBudget,
    FileReader,
    PromptLog,
    ReplacingWriter,
    SentenceSplitter,
)
from raglab.services.query_router.settings import Settings

API_KEY = Secret.from_env_var("NVIDIA_API_KEY")


def document_store(settings: Settings) -> PgvectorDocumentStore:
    """The table of chunks; index names are made from the table's, for they are shared by the whole database
    schema.
    """
    return PgvectorDocumentStore(
        connection_string=Secret.from_env_var("PG_CONN_STR"),
        table_name=settings.table,
        embedding_dimension=settings.dimensions,
        vector_function="cosine_similarity",
        search_strategy="hnsw",
        hnsw_index_name=f"{settings.table}_hnsw",
        keyword_index_name=f"{settings.table}_keywords",
    )


def indexing(settings: Settings) -> Pipeline:
    """From the bytes of a file to rows of the table."""
    pipeline = Pipeline()
    pipeline.add_component("reader", FileReader())
    splitter = SentenceSplitter(settings.chunk_size, settings.chunk_overlap, settings.max_chunks)
    pipeline.add_component("splitter", splitter)
    embedder = NvidiaDocumentEmbedder(
        model=settings.embedding_model,
        api_url=settings.embedding_api,
        api_key=API_KEY,
        batch_size=settings.embedding_batch,
        truncate="END",
        meta_fields_to_embed=["filename"],  # tells apart what documents say in the same words
        progress_bar=False,
    )
    pipeline.add_component("embedder", embedder)
    pipeline.add_component("writer", ReplacingWriter(document_store(settings)))
    pipeline.connect("reader.document", "splitter.document")
    pipeline.connect("splitter.documents", "embedder.documents")
    pipeline.connect("embedder.documents", "writer.documents")
    return pipeline


def retrieval(settings: Settings) -> Pipeline:
    """From a question to passages, best first."""
    pipeline = Pipeline()
    embedder = NvidiaTextEmbedder(
        model=settings.embedding_model, api_url=settings.embedding_api, api_key=API_KEY, truncate="END"
    )
    pipeline.add_component("embedder", embedder)
    retriever = PgvectorEmbeddingRetriever(document_store=document_store(settings), top_k=settings.top_k)
    pipeline.add_component("retriever", retriever)
    pipeline.connect("embedder.embedding", "retriever.query_embedding")
    return pipeline


def generation(settings: Settings) -> Pipeline:
    """From passages and a question to an answer, streamed."""
    pipeline = Pipeline()
    pipeline.add_component("budget", ContextBudget(settings.max_context))
    template = prompts.templates(settings)["rag"]
    builder = ChatPromptBuilder(
        template=template, variables=prompts.VARIABLES, required_variables=["question"]
    )
    pipeline.add_component("prompt", builder)
    pipeline.add_component("log", PromptLog())
    llm = NvidiaChatGenerator(
        model=settings.llm_model,
        api_base_url=settings.llm_api,
        api_key=API_KEY,
        generation_kwargs={"temperature": 0.0},
        timeout=settings.llm_timeout,
        max_retries=0,
    )
    pipeline.add_component("llm", llm)
    pipeline.connect("budget.documents", "prompt.documents")
    pipeline.connect("prompt.prompt", "log.messages")
    pipeline.connect("log.messages", "llm.messages")
    return pipeline
