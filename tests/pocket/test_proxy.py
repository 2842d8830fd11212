"""Pages of pods and Services through the API server: ``kubectl get --raw``, ``kubectl proxy``, the Python client."""

from __future__ import annotations

import http.client
import json
import re
import subprocess
import urllib.request
from collections.abc import Iterator

import pytest
from kubernetes import client, config

from .conftest import BIN

pytestmark = pytest.mark.pocket
SERVER = """
import http.server, json, os

class Web(http.server.BaseHTTPRequestHandler):
    def answer(self, kind, body, code=200, **headers):
        self.send_response(code)
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/page":
            self.answer("text/html", b'<a href="/other">x</a><img src=/i.png><a href="//host/y"><a href="z">')
        elif self.path == "/moved":
            self.answer("text/plain", b"", 302, Location="/page")
        elif self.path == "/missing":
            self.answer("text/plain", b"nothing here", 404)
        else:
            self.do_POST()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        told = {"method": self.command, "path": self.path, "body": body, "headers": dict(self.headers)}
        self.answer("application/json", json.dumps(told).encode())

    do_PUT = do_DELETE = do_POST

http.server.ThreadingHTTPServer((os.environ["POD_IP"], 8080), Web).serve_forever()
"""
OBJECTS = [
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "labels": {"app": "web"}},
        "spec": {
            "terminationGracePeriodSeconds": 1,
            "containers": [
                {
                    "name": "main",
                    "image": "example.com/python:1",
                    "args": ["-c", SERVER],
                    "env": [{"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
                    "ports": [{"name": "http", "containerPort": 8080}],
                    "readinessProbe": {"tcpSocket": {"port": "http"}},
                }
            ],
        },
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"app": "web"},
            "ports": [{"name": "main", "port": 80, "targetPort": "http"}, {"name": "none", "port": 81}],
        },
    },
    {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "empty"},
        "spec": {"selector": {"app": "nobody"}, "ports": [{"port": 80}]},
    },
]
HERE = "/api/v1/namespaces/proxied"


@pytest.fixture(scope="module")
def web(cluster) -> Iterator[None]:
    """A pod with a Service, and a Service without pods."""
    cluster.kubectl("create", "ns", "proxied")
    cluster.kubectl("wait", "--for=create", "sa/default", "-n", "proxied", "--timeout=60s")
    cluster.apply(*OBJECTS, namespace="proxied")
    ready = ("-n", "proxied", "--timeout=60s")
    cluster.kubectl("wait", "--for=condition=Ready", "pod/web", *ready)
    cluster.kubectl("wait", "--for=create", "endpointslice", "-l", "kubernetes.io/service-name=web", *ready)
    yield
    cluster.kubectl("delete", "ns", "proxied", "--wait=false")


@pytest.mark.parametrize(
    "name",
    [
        "pods/web",
        "pods/web:8080",
        "pods/http:web:8080",
        "services/web:80",
        "services/web:main",
        "services/http:web:main",
    ],
)
def test_a_page_by_every_name_it_has(cluster, web, name):
    told = json.loads(cluster.kubectl("get", "--raw", f"{HERE}/{name}/proxy/some/path?a=1&b=%2F"))
    assert (told["method"], told["path"]) == ("GET", "/some/path?a=1&b=%2F")
    assert told["headers"]["X-Forwarded-Uri"] == f"{HERE}/{name}/proxy/some/path"
    assert "Authorization" not in told["headers"], "the pod does not learn who may do what"


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("services/web:9999/proxy/", '(ServiceUnavailable): no service port 9999 found for service "web"'),
        ("services/empty:80/proxy/", '(ServiceUnavailable): no endpoints available for service "empty'),
        ("services/web:x/proxy/", '(ServiceUnavailable): no endpoints available for service "web:x"'),
        ("services/a:b:c:d/proxy/", '(BadRequest): invalid service request "a:b:c:d"'),
        ("pods/ftp:web:80/proxy/", '(BadRequest): invalid pod request "ftp:web:80"'),
        ("pods/nosuch/proxy/", '(NotFound): pods "nosuch" not found'),
        ("services/nosuch/proxy/", '(NotFound): services "nosuch" not found'),
        ("pods/web:9999/proxy/", "(ServiceUnavailable): error trying to reach service: dial tcp 127."),
        ("pods/web/proxy/missing", "the server could not find the requested resource"),
    ],
)
def test_what_cannot_be_reached_says_why(cluster, web, path, said):
    assert said in cluster.refused("get", "--raw", f"{HERE}/{path}")


@pytest.fixture
def local(cluster) -> Iterator[tuple[str, int]]:
    """Where a running ``kubectl proxy`` listens."""
    command = [str(BIN / "kubectl"), "proxy", "--port=0"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(command, env=cluster.environment, **pipes) as process:
        found = re.fullmatch(r"Starting to serve on ([\d.]+):(\d+)\n", process.stdout.readline())
        yield found[1], int(found[2])
        process.kill()


def test_a_browser_behind_kubectl_proxy(cluster, web, local):
    def ask(method: str, path: str, body: str | None = None) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(*local, timeout=20)
        headers = {"Origin": f"http://{local[0]}:{local[1]}", "Cookie": "taste=good"}
        connection.request(method, f"{HERE}/services/web:80/proxy{path}", body, headers)
        return connection.getresponse()

    there = f"{HERE}/services/web:80/proxy"
    page = ask("GET", "/page").read().decode()
    assert page == f'<a href="{there}/other">x</a><img src={there}/i.png><a href="//host/y"><a href="z">'
    assert ask("GET", "/moved").headers["Location"] == f"{there}/page"
    first = ask("GET", "?x=1")
    assert (first.status, first.headers["Location"]) == (301, f"{there}/?x=1")
    assert (answer := ask("GET", "/missing")).status == 404
    assert answer.read() == b"nothing here"
    for method in ("POST", "PUT", "DELETE"):
        told = json.loads(ask(method, "/form", "body of any size" * 100_000).read())
        assert (told["method"], len(told["body"]), told["headers"]["Cookie"]) == (
            method,
            1_600_000,
            "taste=good",
        )
    with urllib.request.urlopen(f"http://{local[0]}:{local[1]}{HERE}/pods/web", timeout=20) as answer:
        assert json.load(answer)["kind"] == "Pod"


def test_the_python_client(cluster, web):
    with config.new_client_from_config(str(cluster.kubeconfig)) as api_client:
        core = client.CoreV1Api(api_client)
        said = core.connect_get_namespaced_service_proxy_with_path("web:main", "proxied", "x")
        assert "'path': '/x'" in said or '"path": "/x"' in said


def test_roles_decide_by_what_a_request_does(cluster, web):
    cluster.kubectl("create", "sa", "reader", "-n", "proxied")
    cluster.kubectl("create", "role", "reader", "-n", "proxied", "--verb=get", "--resource=services/proxy")
    subject = "--serviceaccount=proxied:reader"
    cluster.kubectl("create", "rolebinding", "reader", "-n", "proxied", "--role=reader", subject)
    who = "--as=system:serviceaccount:proxied:reader"
    assert "method" in cluster.kubectl("get", "--raw", f"{HERE}/services/web:80/proxy/x", who)
    said = cluster.refused("create", "--raw", f"{HERE}/services/web:80/proxy/x", "-f", "-", who, stdin="x")
    assert 'cannot create resource "services/proxy"' in said
    assert "pods/proxy" in cluster.refused("get", "--raw", f"{HERE}/pods/web/proxy/x", who)
