"""The request of the text embedding NIM, checked before the model sees anything."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from raglab.services.nim.arguments import Arguments
from raglab.services.nim.errors import ApiError, one_or_many

Text = Annotated[str, Field(min_length=1)]
_TYPES = ("query", "passage")


class EmbeddingRequest(Arguments):
    """POST /v1/embeddings."""

    model: Text
    input: Annotated[list[Text], Field(min_length=1), BeforeValidator(one_or_many)]
    input_type: Literal["query", "passage"] | None = None
    truncate: Literal["NONE", "START", "END"] = "NONE"
    encoding_format: Literal["float", "base64"] = "float"
    dimensions: int | None = None
    user: str | None = None

    def resolve(self, names: tuple[str, ...]) -> str:
        """The model's name without `-query` or `-passage`, which clients of OpenAI's API use instead of
        `input_type`.

        Raises ApiError 400 when neither says what the texts are.
        """
        base, _, suffix = self.model.rpartition("-")
        if self.model not in names and base in names and suffix in _TYPES:
            return base
        if self.input_type is None and self.model in names:
            message = "'input_type' parameter is required for asymmetric models"
            raise ApiError(400, message, param="input_type")
        return self.model
