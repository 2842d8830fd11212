"""ASGI middleware: what browsers are told about this page, and whom they may come from."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing from other places; ``data:`` is for the icons inside Bootstrap's style sheet."""
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
OWN = {None, "same-origin", "none"}
"""``Sec-Fetch-Site`` of our own page, and of programs that are no browser."""
REFUSAL = {"message": "Only this page may change something here."}


class Guard:
    """Adds the headers, and refuses changes that another page's script asks for: there is no login to protect them."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        site = Headers(scope=scope).get("sec-fetch-site")
        foreign = scope["method"] not in ("GET", "HEAD") and site not in OWN
        await (JSONResponse(REFUSAL, 403) if foreign else self._app)(scope, receive, told)
