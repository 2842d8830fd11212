"""Stand-in for prometheus-config-reloader: hands Prometheus its configuration and tells it about changes.

The configuration comes compressed from a Secret. It is unpacked, ``$(NAME)`` is replaced by the environment's value,
and Prometheus is asked to reload; the same when a file in a watched folder changes. With ``--watch-interval=0`` it does
the first part once and ends, as before the start of Prometheus.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import signal
import sys
import threading
import urllib.error
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from raglab.services.addons.relocation import relocate

INTERVAL = 1.0
"""Seconds between two looks. The real one is told by the kernel; a look costs a few system calls."""
_REFERENCE = re.compile(r"\$\(([A-Za-z_][A-Za-z0-9_]*)\)")
METRICS = """\
# HELP reloader_last_reload_successful Whether the last reload was successful.
# TYPE reloader_last_reload_successful gauge
reloader_last_reload_successful {last}
# HELP reloader_reloads_total Reloads that were asked for.
# TYPE reloader_reloads_total counter
reloader_reloads_total {total}
# HELP reloader_reloads_failed_total Reloads that failed.
# TYPE reloader_reloads_failed_total counter
reloader_reloads_failed_total {failed}
"""


class Reloader:
    """Follows the files of one Prometheus."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        self._applied = ""
        self.counts = {"last": 1, "total": 0, "failed": 0}

    def write(self) -> None:
        """Unpack the configuration with the environment's values filled in; the file is replaced as a whole."""
        raw = Path(self._options.config_file).read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode()
        text = relocate(_REFERENCE.sub(_value, text), self._options.watched_dir)
        target = Path(self._options.config_envsubst_file)
        part = target.with_name(target.name + ".part")
        part.write_text(text)
        part.replace(target)

    def look(self) -> None:
        """Reload if something has changed; what Prometheus refuses is tried again at the next look."""
        state = self._state()
        if state == self._applied:
            return
        self.write()
        self.counts["total"] += 1
        try:
            urllib.request.urlopen(urllib.request.Request(self._url(), method="POST"), timeout=30).close()
        except (urllib.error.URLError, OSError) as error:
            self.counts |= {"last": 0, "failed": self.counts["failed"] + 1}
            reason = error.read().decode() if isinstance(error, urllib.error.HTTPError) else error
            print(f'level=error msg="reload failed" err={str(reason).strip()!r}', flush=True)
            return
        self._applied = state
        self.counts["last"] = 1
        print('level=info msg="Reload triggered"', flush=True)

    def _state(self) -> str:
        files = [Path(self._options.config_file)]
        for folder in self._options.watched_dir:
            files += sorted(Path(folder).glob("*.y*ml"))
        digest = hashlib.sha256()
        for file in files:
            digest.update(f"{file.name}\0".encode() + file.read_bytes())
        return digest.hexdigest()

    def _url(self) -> str:
        """Containers of a pod meet at the pod's address here: they share the machine's network."""
        return re.sub(r"//(127\.0\.0\.1|localhost):", f"//{_host()}:", self._options.reload_url)


def _value(match: re.Match[str]) -> str:
    """An unknown name is a mistake of the operator: say so at once."""
    if match[1] not in os.environ:
        sys.exit(f'level=error msg="found reference to unset environment variable" name={match[1]}')
    return os.environ[match[1]]


def _host() -> str:
    return os.environ.get("POD_IP", "127.0.0.1")


def serve(reloader: Reloader, address: str) -> None:
    """Answer ``/healthz`` and ``/metrics`` in the background."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = METRICS.format(**reloader.counts) if self.path == "/metrics" else "ok\n"
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Scrapes are no news."""

    host, _, port = address.rpartition(":")
    server = ThreadingHTTPServer((host or _host(), int(port)), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()


def options(arguments: list[str]) -> argparse.Namespace:
    """The arguments that the operator gives."""
    parser = argparse.ArgumentParser(prog="prometheus-config-reloader")
    parser.add_argument("--config-file", required=True)
    parser.add_argument("--config-envsubst-file", required=True)
    parser.add_argument("--watched-dir", action="append", default=[])
    parser.add_argument("--reload-url", default="http://127.0.0.1:9090/-/reload")
    parser.add_argument("--listen-address", default=":8080")
    parser.add_argument("--watch-interval", default="3m")
    return parser.parse_args(arguments)


def main() -> None:
    """Follow the files until SIGTERM."""
    chosen = options(sys.argv[1:])
    reloader = Reloader(chosen)
    if chosen.watch_interval == "0":
        reloader.write()
        return
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: ended.set())
    serve(reloader, chosen.listen_address)
    while not ended.wait(INTERVAL):
        reloader.look()


if __name__ == "__main__":
    main()
