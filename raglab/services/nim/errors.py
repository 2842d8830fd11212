"""Errors as the OpenAI API words them: `{"error": {"message", "type", "param", "code"}}`, never a
traceback.
"""

from __future__ import annotations

from typing import Any

import orjson
from aiohttp import web
from pydantic import ValidationError

_TYPES = {404: "not_found_error", 503: "service_unavailable_error"}


class ApiError(Exception):
    """An answer other than 2xx; `retry_after` is in seconds."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        param: str | None = None,
        code: str | None = None,
        retry_after: int = 0,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code
        self.retry_after = retry_after

    def body(self) -> dict[str, Any]:
        """The error object."""
        default = "invalid_request_error" if self.status < 500 else "internal_server_error"
        kind = _TYPES.get(self.status, default)
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.code}}

    def response(self) -> web.Response:
        """The error as an HTTP answer."""
        response = json_response(self.body(), self.status)
        if self.retry_after:
            response.headers["Retry-After"] = str(self.retry_after)
        return response


def json_response(body: Any, status: int = 200) -> web.Response:
    """A JSON answer; numpy arrays are written as lists."""
    data = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
    return web.Response(body=data, status=status, content_type="application/json")


async def read_object(request: web.Request) -> dict[str, Any]:
    """The request's JSON object. Raises ApiError 400 for anything else; a content type is not insisted on."""
    try:
        body = orjson.loads(await request.read())
    except orjson.JSONDecodeError as error:
        raise ApiError(400, f"The request body is not valid JSON: {error}") from None
    if not isinstance(body, dict):
        raise ApiError(400, "The request body must be a JSON object")
    return body


def invalid(error: ValidationError) -> ApiError:
    """The first problem pydantic found, in one line."""
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    param = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        return ApiError(400, f"Unrecognized request argument supplied: {param}", param=param)
    if problem["type"] == "missing":
        return ApiError(400, f"Missing required parameter: {param}", param=param)
    message = problem["msg"].removeprefix("Value error, ")
    return ApiError(400, f"{param}: {message}" if param else message, param=param or None)


def one_or_many(value: Any) -> Any:
    """A text becomes a list of one text: the API takes both, and a list alone has the clearer error messages."""
    return [value] if isinstance(value, str) else value


def unknown_model(name: str) -> ApiError:
    """The requested model is not the one served."""
    return ApiError(404, f"The model `{name}` does not exist.", param="model", code="model_not_found")
