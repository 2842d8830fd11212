"""The exporter's two pages: ``/metrics`` for Prometheus, ``/health`` for probes."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from raglab.gpus.exporter.exposition import CONTENT_TYPE


def server(address: tuple[str, int], page: Callable[[], str]) -> ThreadingHTTPServer:
    """A server for the exposition that `page` gives; it is healthy once there is one. OSError if it cannot listen."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path, text = self.path.split("?")[0], page()
            if path == "/metrics":
                self._answer(HTTPStatus.OK, text, CONTENT_TYPE)
            elif path == "/health":
                self._answer(
                    HTTPStatus.OK if text else HTTPStatus.SERVICE_UNAVAILABLE, "OK" if text else "KO"
                )
            elif path == "/":
                self._answer(HTTPStatus.OK, "DCGM exporter (simulated): /metrics, /health\n")
            else:
                self._answer(HTTPStatus.NOT_FOUND, "404 page not found\n")

        def _answer(self, status: HTTPStatus, text: str, kind: str = "text/plain; charset=utf-8") -> None:
            body = text.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Scrapes and probes are not worth a line each."""

    ThreadingHTTPServer.daemon_threads = True
    return ThreadingHTTPServer(address, Handler)
