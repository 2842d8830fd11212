"""A Service that leads to other pods under load: no request is lost, if pods are drained as on a real cluster."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.pocket.conftest import Cluster
from tests.pocket.test_pods import Pods
from tests.pocket.test_services import node_address, until

pytestmark = pytest.mark.pocket
PORT = 30555
SERVER = """
import http.server, os

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.environ["HOSTNAME"].encode())
    def log_message(self, *args):
        pass

http.server.ThreadingHTTPServer.request_queue_size = 128
http.server.ThreadingHTTPServer((os.environ["POD_IP"], 8080), Handler).serve_forever()
"""


def server(name: str, release: str) -> dict[str, Any]:
    container = {
        "name": "c",
        "image": "example.com/wait:1",
        "command": ["python", "-c", SERVER],
        "ports": [{"containerPort": 8080, "name": "http"}],
        "readinessProbe": {"tcpSocket": {"port": "http"}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"sleep": {"seconds": 1}}},
    }
    meta = {"name": name, "labels": {"release": release}}
    spec = {"terminationGracePeriodSeconds": 5, "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}


def service(release: str) -> dict[str, Any]:
    port = {"port": 8080, "targetPort": "http", "nodePort": PORT}
    spec = {"type": "NodePort", "selector": {"release": release}, "ports": [port]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "handover"}, "spec": spec}


@contextmanager
def users(url: str, number: int = 8) -> Iterator[Counter[str]]:
    """Ask with a new connection each time; counts the pods that answered, and failures as ``lost``."""
    answers, over = Counter[str](), threading.Event()

    def ask() -> None:
        while not over.is_set():
            try:
                with urllib.request.urlopen(url, timeout=10) as answer:
                    answers[answer.read().decode()] += 1
            except OSError:
                answers["lost"] += 1

    threads = [threading.Thread(target=ask) for _ in range(number)]
    for thread in threads:
        thread.start()
    try:
        yield answers
    finally:
        over.set()
        for thread in threads:
            thread.join()


def test_a_service_is_switched_back_and_forth_and_pods_end_without_a_lost_request(
    cluster: Cluster, namespace: str
):
    pods = Pods(cluster, namespace)
    cluster.apply(server("old", "a"), server("new", "b"), service("a"), namespace=namespace)
    cluster.kubectl("wait", "pod", "--all", "-n", namespace, "--for=condition=Ready", "--timeout=60s")
    url = f"http://{node_address(pods)}:{PORT}/"
    until(lambda: answers_at(url))
    with users(url) as answers:
        for release, pod in (("b", "new"), ("a", "old"), ("b", "new")):
            before = answers[pod]
            patch = json.dumps({"spec": {"selector": {"release": release}}})
            cluster.kubectl("patch", "service", "handover", "-n", namespace, "-p", patch)
            until(lambda pod=pod, before=before: answers[pod] > before + 20)
        cluster.kubectl("delete", "pod", "old", "-n", namespace)
        cluster.apply(server("newer", "b"), namespace=namespace)
        until(lambda: answers["newer"] > 20)
        cluster.kubectl("delete", "pod", "new", "-n", namespace)
    assert answers["lost"] == 0, answers


def answers_at(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError:
        return False
