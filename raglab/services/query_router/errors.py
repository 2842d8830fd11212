"""Errors of the HTTP interface, and how failures inside a pipeline become one of them.

The original answered 200 with an apology when a service behind it was down. Here the caller learns by status
code what to do: 4xx change the request, 503 try again, 502 repair the configuration; the body names the
service.
"""

from __future__ import annotations

import openai
import psycopg
import requests
from haystack.core.errors import PipelineRuntimeError
from haystack.document_stores.errors import DocumentStoreError

from raglab.services.query_router.settings import DATABASE, EMBEDDING, LLM

BEHIND = {"embedder": EMBEDDING, "retriever": DATABASE, "writer": DATABASE, "llm": LLM}
"""The service that each pipeline component talks to."""
RETRY_AFTER = 5
"""Seconds a client should wait after 503: pods of the lab restart within that time."""


class ApiError(Exception):
    """An answer other than success: HTTP status, text for people, and the service that failed, if one did."""

    def __init__(self, status: int, message: str, dependency: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.dependency = dependency

    def body(self) -> dict[str, str]:
        """The JSON body, ``{"message": ...}`` as in the original, with the name of the failed service."""
        return {"message": self.message} | ({"dependency": self.dependency} if self.dependency else {})

    def headers(self) -> dict[str, str]:
        """Further headers of the answer."""
        return {"Retry-After": str(RETRY_AFTER)} if self.status == 503 else {}


def from_failure(error: Exception) -> ApiError | None:
    """What a failure means for the caller, or None if it is a fault of this program."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, PipelineRuntimeError) and isinstance(error.__cause__, Exception):
        return from_failure(error.__cause__) or _unusable(
            BEHIND.get(error.component_name or ""), error.__cause__
        )
    if isinstance(error, psycopg.Error | DocumentStoreError):
        return _database(error)
    if isinstance(error, openai.APIStatusError):
        return _refused(LLM, error.status_code, error.message)
    if isinstance(error, openai.APIConnectionError):
        return _unreachable(LLM)
    return _embedding(error)


def _embedding(error: Exception) -> ApiError | None:
    if isinstance(error, requests.ConnectionError | requests.Timeout):
        return _unreachable(EMBEDDING)
    cause = error.__cause__
    if isinstance(cause, requests.HTTPError) and cause.response is not None:
        return _refused(EMBEDDING, cause.response.status_code, cause.response.text)
    return None


def _database(error: Exception) -> ApiError:
    cause = error.__cause__ if isinstance(error, DocumentStoreError) else error
    if isinstance(cause, psycopg.DataError | psycopg.ProgrammingError):
        return ApiError(502, f"{DATABASE} refused the request: {_line(str(cause))}", DATABASE)
    return _unreachable(DATABASE)


def _unreachable(name: str) -> ApiError:
    return ApiError(503, f"{name} does not answer. Try again when its pod is ready.", name)


def _refused(name: str, status: int, text: str) -> ApiError:
    if status in (400, 413, 422):
        return ApiError(422, f"{name} refused the request: {_line(text)}", name)
    if status == 429 or status >= 500:
        return ApiError(503, f"{name} cannot answer now (status {status}).", name)
    return ApiError(502, f"{name} answered with status {status}: {_line(text)}", name)


def _unusable(name: str | None, error: Exception) -> ApiError | None:
    """For example vectors of another length than the table has."""
    if name is None or not isinstance(error, ValueError | KeyError | TypeError):
        return None
    return ApiError(502, f"The answer of a service cannot be used: {_line(str(error))}", name)


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
