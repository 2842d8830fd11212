"""The scripted custom metrics API of the recording: ``python metrics_api.py PORT FILE`` answers what FILE says.

FILE holds a quantity that every running pod of ``rag-sample`` has; without the file the metric is unknown (404).
TLS with a certificate of its own, as the recorded APIService skips its verification.
"""

from __future__ import annotations

import json
import ssl
import subprocess
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

GROUP_VERSION = "custom.metrics.k8s.io/v1beta1"
METRIC = "nemollm_inference_gpu_avg"
NAMESPACE = "rag-sample"
SCOPES = {"pods": True, "namespaces": False}
UNKNOWN = {
    "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "NotFound", "code": 404,
    "message": f"the server could not find the metric {METRIC} for pods",
}  # fmt: skip


class Api(BaseHTTPRequestHandler):
    """Discovery, and the metric of all pods."""

    file: Path

    def do_GET(self) -> None:
        if self.path.split("?")[0] == f"/apis/{GROUP_VERSION}":
            self._answer(200, resources())
        elif self.file.exists():
            self._answer(200, values(self.file.read_text().strip()))
        else:
            self._answer(404, UNKNOWN)

    def _answer(self, code: int, body: dict[str, Any]) -> None:
        text = json.dumps(body).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *args: Any) -> None:
        """Say nothing of requests."""


def resources() -> dict[str, Any]:
    """The discovery document."""
    listed = [
        {
            "name": f"{scope}/{METRIC}", "singularName": "", "namespaced": namespaced,
            "kind": "MetricValueList", "verbs": ["get"],
        }
        for scope, namespaced in SCOPES.items()
    ]  # fmt: skip
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": GROUP_VERSION, "resources": listed}


def values(value: str) -> dict[str, Any]:
    """The metric's values: `value` for every running pod."""
    command = ["kubectl", "get", "pods", "-n", NAMESPACE, "-o", "json"]
    pods = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["items"]
    running = [pod["metadata"]["name"] for pod in pods if pod["status"]["phase"] == "Running"]
    items = [
        {
            "describedObject": {"kind": "Pod", "namespace": NAMESPACE, "name": name, "apiVersion": "/v1"},
            "metricName": METRIC, "timestamp": "2026-11-21T04:13:15Z", "value": value, "selector": None,
        }
        for name in running
    ]  # fmt: skip
    return {"kind": "MetricValueList", "apiVersion": GROUP_VERSION, "metadata": {}, "items": items}


def main(port: int, file: Path) -> None:
    """Serve for ever."""
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = Path(folder, "key"), Path(folder, "certificate")
        make = [
            "openssl",
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-days",
            "1",
            "-subj",
            "/CN=localhost",
        ]
        subprocess.run([*make, "-keyout", key, "-out", certificate], check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    Api.file = file
    server = ThreadingHTTPServer(("127.0.0.1", port), Api)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
