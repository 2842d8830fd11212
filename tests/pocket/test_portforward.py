"""Ports of pods on this machine: ``kubectl port-forward`` and the Python client."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import psutil
import pytest
from kubernetes import client, config
from kubernetes.stream import portforward

from .conftest import BIN, Cluster

pytestmark = pytest.mark.pocket
MIB = 1 << 20
SERVER = """
import http.server, os, socketserver, threading

class Source(socketserver.StreamRequestHandler):  # sends as many bytes as the first line says
    def handle(self):
        left = int(self.rfile.readline())
        while left:
            piece = min(left, 65536)
            self.wfile.write(bytes(piece))
            left -= piece

class Count(socketserver.StreamRequestHandler):  # tells how many bytes came, once the client has said all
    def handle(self):
        total = 0
        while piece := self.rfile.read(65536):
            total += len(piece)
        self.wfile.write(str(total).encode())

class Web(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.path.encode())

def serve(port, handler):
    server = socketserver.ThreadingTCPServer((os.environ["POD_IP"], port), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever).start()

socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer.request_queue_size = 200
for port, handler in ((7001, Source), (7002, Count), (8080, Web)):
    serve(port, handler)
"""


def pod(name: str) -> dict:
    """A pod with three servers, ready once all of them listen."""
    container = {
        "name": "main",
        "image": "example.com/python:1",
        "args": ["-c", SERVER],
        "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"tcpSocket": {"port": 8080}},
    }
    spec = {"containers": [container], "terminationGracePeriodSeconds": 1}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "s"}},
        "spec": spec,
    }


@pytest.fixture(scope="module")
def namespace(cluster) -> Iterator[str]:
    """A namespace with the pod ``s`` and a Service of the same name."""
    cluster.kubectl("create", "ns", "forwarded")
    cluster.kubectl("wait", "--for=create", "sa/default", "-n", "forwarded", "--timeout=60s")
    spec = {"selector": {"app": "s"}, "ports": [{"port": 80, "targetPort": "http"}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}, "spec": spec}
    cluster.apply(pod("s"), service, namespace="forwarded")
    cluster.kubectl("wait", "--for=condition=Ready", "pod/s", "-n", "forwarded", "--timeout=60s")
    yield "forwarded"
    cluster.kubectl("delete", "ns", "forwarded", "--wait=false")


@contextmanager
def forwarding(cluster: Cluster, namespace: str, what: str, *ports: int) -> Iterator[tuple]:
    """A running ``kubectl port-forward``, and the local port for each of the pod's."""
    command = [str(BIN / "kubectl"), "port-forward", "-n", namespace, what, *(f":{port}" for port in ports)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=cluster.environment, **pipes) as process:
        try:
            local: dict[int, int] = {}
            for line in process.stdout or ():
                if found := re.fullmatch(r"Forwarding from 127\.0\.0\.1:(\d+) -> (\d+)\n", line):
                    local[int(found[2])] = int(found[1])
                if len(local) == len(ports):
                    break
            yield process, local
        finally:
            process.kill()


def get(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/page", timeout=20) as answer:
        return answer.read().decode()


@pytest.mark.parametrize(("what", "port"), [("pod/s", 8080), ("svc/s", 80)])
def test_a_page_through_a_forwarded_port(cluster, namespace, what, port):
    with forwarding(cluster, namespace, what, port) as (process, local):
        (there,) = local.values()
        assert [get(there) for _ in range(3)] == ["/page"] * 3
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
        assert process.stderr.read() == ""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", there))


def test_much_data_both_ways_with_little_memory(cluster, namespace):
    process, size = psutil.Process(cluster.process.pid), 64 * MIB
    with forwarding(cluster, namespace, "pod/s", 7001, 7002) as (_, local):
        before = process.memory_info().rss
        with socket.create_connection(("127.0.0.1", local[7002]), 60) as upload:
            for _ in range(size // MIB):
                upload.sendall(bytes(MIB))
            upload.shutdown(socket.SHUT_WR)
            assert int(upload.recv(100)) == size, "half of the connection has ended, the other half goes on"
        with socket.create_connection(("127.0.0.1", local[7001]), 60) as download:
            download.sendall(b"%d\n" % size)
            assert sum(len(piece) for piece in iter(lambda: download.recv(MIB), b"")) == size
        assert process.memory_info().rss - before < size / 2


def test_many_connections_at_once(cluster, namespace):
    with forwarding(cluster, namespace, "pod/s", 8080) as (_, local), ThreadPoolExecutor(40) as pool:
        assert list(pool.map(lambda _: get(local[8080]), range(100))) == ["/page"] * 100


def test_a_port_where_nothing_listens(cluster, namespace):
    with forwarding(cluster, namespace, "pod/s", 8081) as (process, local):
        with socket.create_connection(("127.0.0.1", local[8081]), 20) as connection:
            assert connection.recv(10) == b""
        assert process.wait(20) == 1
        said = process.stderr.read()
    assert re.search(
        r'"An error occurred forwarding" err="error forwarding port 8081 to pod forwarded/s, uid : failed to connect '
        r'to localhost:8081 inside namespace: dial tcp [\d.]+:8081: connect: connection refused"',
        said,
    )
    assert said.endswith("error: lost connection to pod\n")


def test_a_pod_that_goes_meanwhile(cluster, namespace):
    cluster.apply(pod("short"), namespace=namespace)
    cluster.kubectl("wait", "--for=condition=Ready", "pod/short", "-n", namespace, "--timeout=60s")
    with forwarding(cluster, namespace, "pod/short", 7001) as (process, local):
        with socket.create_connection(("127.0.0.1", local[7001]), 20) as open_one:
            cluster.kubectl("delete", "pod", "short", "-n", namespace)
            assert open_one.recv(10) == b"", "its connections end with it"
        with socket.create_connection(("127.0.0.1", local[7001]), 20) as late:
            assert late.recv(10) == b""
        assert process.wait(20) == 1
        assert "failed to find the sandbox" in process.stderr.read()


def test_what_is_refused(cluster, namespace):
    refused = ("port-forward", "-n", namespace)
    assert cluster.refused(*refused, "svc/nosuch", ":80") == (
        'Error from server (NotFound): services "nosuch" not found\n'
    )
    assert (
        cluster.refused(*refused, "svc/s", ":9999") == "error: Service s does not have a service port 9999\n"
    )


def test_the_python_client_forwards_ports(cluster, namespace):
    with config.new_client_from_config(str(cluster.kubeconfig)) as api_client:
        forward = client.CoreV1Api(api_client).connect_get_namespaced_pod_portforward
        ports = portforward(forward, "s", namespace, ports="8080,8081")
        connection = ports.socket(8080)
        connection.settimeout(20)
        connection.sendall(b"GET /page HTTP/1.0\r\n\r\n")
        assert b"".join(iter(lambda: connection.recv(1000), b"")).endswith(b"\r\n/page")
        assert ports.error(8080) is None
        assert "connect: connection refused" in ports.error(8081)
        ports.close()
