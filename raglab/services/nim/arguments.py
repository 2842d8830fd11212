"""What the requests of both NIMs have in common."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class Arguments(BaseModel):
    """The arguments of a request. Unknown names are refused, so that a misspelt one does not pass unnoticed."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _null_means_left_out(cls, body: Any) -> Any:
        """As in OpenAI's API; an unknown name stays and is refused."""
        if not isinstance(body, dict):
            return body
        return {
            name: value for name, value in body.items() if value is not None or name not in cls.model_fields
        }
