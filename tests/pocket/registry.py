"""A registry of OCI artifacts in memory: what pushing and pulling charts needs of the OCI distribution spec 1.1."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

BLOB = re.compile(r"/v2/(?P<name>.+)/blobs/(?P<digest>sha256:[0-9a-f]{64})")
UPLOAD = re.compile(r"/v2/(?P<name>.+)/blobs/uploads/(?P<id>\w*)")
MANIFEST = re.compile(r"/v2/(?P<name>.+)/manifests/(?P<reference>[\w.:+-]+)")
TAGS = re.compile(r"/v2/(?P<name>.+)/tags/list")


class Handler(BaseHTTPRequestHandler):
    """One connection; what is stored lies in the server."""

    protocol_version = "HTTP/1.1"
    server: Registry

    def answer(self, code: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(code)
        for name, value in ({"Content-Length": str(len(body))} | headers).items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def do_GET(self) -> None:
        path, server = urlsplit(self.path).path, self.server
        if path == "/v2/":
            self.answer(200)
        elif (found := BLOB.fullmatch(path)) and found["digest"] in server.blobs:
            digest = found["digest"]
            self.answer(
                200,
                server.blobs[digest],
                Content_Type="application/octet-stream",
                Docker_Content_Digest=digest,
            )
        elif (found := MANIFEST.fullmatch(path)) and found.groups() in server.manifests:
            kind, content = server.manifests[found.groups()]
            self.answer(200, content, Content_Type=kind, Docker_Content_Digest=digest_of(content))
        elif found := TAGS.fullmatch(path):
            tags = [tag for name, tag in server.manifests if name == found["name"] and ":" not in tag]
            self.answer(
                200,
                json.dumps({"name": found["name"], "tags": tags}).encode(),
                Content_Type="application/json",
            )
        else:
            self.answer(404, b'{"errors": [{"code": "MANIFEST_UNKNOWN", "message": "not found"}]}')

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self.body()
        found = UPLOAD.fullmatch(urlsplit(self.path).path)
        self.answer(202, Location=f"/v2/{found['name']}/blobs/uploads/one")

    def do_PUT(self) -> None:
        url, content = urlsplit(self.path), self.body()
        digest = digest_of(content)
        if found := MANIFEST.fullmatch(url.path):
            for reference in (found["reference"], digest):
                self.server.manifests[found["name"], reference] = (self.headers["Content-Type"], content)
            self.answer(201, Location=self.path, Docker_Content_Digest=digest)
        elif parse_qs(url.query)["digest"] == [digest]:
            self.server.blobs[digest] = content
            self.answer(201, Location=f"/v2/any/blobs/{digest}", Docker_Content_Digest=digest)
        else:
            self.answer(400)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is logged."""


class Registry(ThreadingHTTPServer):
    """Listens on a free port of loopback."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[tuple[str, ...], tuple[str, bytes]] = {}

    @property
    def url(self) -> str:
        return f"oci://127.0.0.1:{self.server_port}"


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


@contextmanager
def running() -> Iterator[Registry]:
    """A registry that is there for the length of a block."""
    with Registry() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
