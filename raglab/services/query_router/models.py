"""Bodies of requests and answers, as they appear in the OpenAPI document."""

from __future__ import annotations

from pydantic import BaseModel, Field

MAX_TEXT = 20_000
"""Characters of a question: far beyond what the models read, small enough to never hurt."""


class Search(BaseModel):
    """What `documentSearch` takes."""

    content: str = Field(min_length=1, max_length=MAX_TEXT, description="The text to find passages for.")
    num_docs: int = Field(4, ge=1, le=100, description="Number of passages.")


class Passage(BaseModel):
    """One hit of a search."""

    score: float = Field(description="Cosine similarity, 1 for the same direction.")
    source: str = Field(description="Name of the file that holds this passage.")
    content: str = Field(description="The passage.")


class Prompt(BaseModel):
    """What `generate` takes."""

    question: str = Field(min_length=1, max_length=MAX_TEXT, description="The question.")
    context: str = Field(
        max_length=MAX_TEXT,
        description=(
            "Instructions for the model, used **only** when `use_knowledge_base` is false; with true the context is "
            "what the search finds, and this text is ignored."
        ),
    )
    use_knowledge_base: bool = Field(True, description="Answer from the uploaded documents.")
    num_tokens: int = Field(50, ge=1, le=1024, description="Most tokens of the answer.")


class Note(BaseModel):
    """A message."""

    message: str


class Problem(Note):
    """A failure; `dependency` names the service behind this one that caused it."""

    dependency: str = ""


class DocumentRow(BaseModel):
    """An uploaded file."""

    filename: str
    chunks: int
    uploaded: str = Field(description="Time of the upload, ISO 8601, UTC.")


class DocumentList(BaseModel):
    """All uploaded files."""

    documents: list[DocumentRow]


class ServedModel(BaseModel):
    """A model behind the query-router, as the service that holds it tells."""

    service: str
    model: str = Field(description="The name that the query-router asks for.")
    simulated: bool | None = Field(
        default=None,
        description="Whether a stand-in answers under this name; null when its service does not tell.",
    )
    answered_by: str = Field(
        default="", description="The model that really answers; empty when its service does not tell."
    )


class ModelList(BaseModel):
    """The language model and the embedding model."""

    models: list[ServedModel]
