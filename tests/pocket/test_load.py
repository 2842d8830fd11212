"""Locust in the cluster, installed and driven as in the lessons: chart, ConfigMap, its own API on a node port."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from raglab import paths
from tests.browser.page import Browser, Page
from tests.pocket import conftest
from tests.pocket.conftest import Cluster

pytestmark = pytest.mark.pocket
LIMIT = 60.0
VALUES = paths.CHECKOUT / "kubernetes-config" / "values" / "pocket" / "locust.yaml"
MODEL = """
import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Model(BaseHTTPRequestHandler):
    def reply(self, body):
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def do_GET(self):
        self.reply({"data": [{"id": "llama-2-7b-chat"}]})
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.reply({"choices": [{"message": {"content": asked["model"]}}]})
    def log_message(self, *args):
        pass

ThreadingHTTPServer((os.environ["POD_IP"], 8005), Model).serve_forever()
"""


@pytest.fixture(scope="module", params=["plain", "bubblewrap"])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster with the lab's images besides those of the tests."""
    with conftest.lab(tmp_path_factory.mktemp("load"), request.param) as running:
        yield running


def model_server() -> list[dict[str, Any]]:
    """A Pod and a Service that answer as the language model does."""
    container = {"name": "c", "image": "example.com/wait:1", "command": ["python", "-c", MODEL]}
    container["readinessProbe"] = {"httpGet": {"path": "/v1/models", "port": 8005}, "periodSeconds": 1}
    spec = {"terminationGracePeriodSeconds": 1, "containers": [container]}
    meta = {"name": "nemollm-inference", "labels": {"app": "model"}}
    service = {"selector": {"app": "model"}, "ports": [{"port": 8005}]}
    return [
        {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "nemollm-inference"}, "spec": service},
    ]


@pytest.fixture(scope="module")
def url(lab: Cluster) -> str:
    """Where Locust's web server answers, once master and worker are ready."""
    lab.apply(*model_server())
    lab.kubectl("wait", "--for=condition=Ready", "pod/nemollm-inference", "--timeout=60s")
    install(lab)
    found = f"http://{lab.settings['node_ip']}:30089"
    until(lambda: able(found))
    return found


def install(lab: Cluster) -> None:
    """The commands of the lesson."""
    lab.kubectl("create", "namespace", "locust")
    folder = paths.CHECKOUT / "locust"
    lab.kubectl("create", "cm", "rag-loadtest-locustfile", "-n", "locust", f"--from-file={folder}")
    lab.helm("repo", "add", "deliveryhero", "pocket://deliveryhero")
    flags = {
        "loadtest.name": "rag-loadtest",
        "loadtest.locust_locustfile_configmap": "rag-loadtest-locustfile",
        "loadtest.locust_host": "http://nemollm-inference.default.svc.cluster.local:8005",
        "loadtest.environment.LOAD_WAIT": r"0.1\,0.2",
    }
    options = [word for key, value in flags.items() for word in ("--set", f"{key}={value}")]
    command = ["upgrade", "--install", "locust", "deliveryhero/locust", "-n", "locust", "-f", str(VALUES)]
    lab.helm(*command, *options, "--wait", "--timeout=60s")


def test_a_load_is_started_watched_and_stopped_through_locusts_own_api(lab: Cluster, url: str) -> None:
    assert api(url, "/swarm", user_count=5, spawn_rate=5)["success"] is True
    stats = until(lambda: chats(url) if chats(url)["num_requests"] >= 20 else None)
    assert stats["num_failures"] == 0, lab.kubectl("logs", "deployment/locust-worker", "-n", "locust")
    assert api(url, "/stats/requests")["user_count"] == 5
    assert api(url, "/stop", stop="1")["success"] is True
    until(lambda: api(url, "/stats/requests")["state"] == "stopped" and able(url))


def test_the_web_page_starts_a_load_and_asks_nobody_else(url: str, browser: Browser) -> None:
    with browser.page() as page:
        page.look().open(url).until("document.querySelectorAll('button').length > 3")
        if "NEW" in page.texts("button"):  # there was a load before
            click(page, "NEW")
        page.until("document.querySelector('input[name=userCount]')")
        for name, value in {"userCount": "3", "spawnRate": "3"}.items():
            write(page, f"input[name={name}]", value)
        click(page, "START")
        until(lambda: api(url, "/stats/requests")["user_count"] == 3)
        page.open(url)  # Locust repeats its statistics for 2 s; a page that gets old ones stops looking
        page.until("document.body.innerText.includes('RUNNING') && document.body.innerText.includes('chat')")
        assert [address for address in page.requests if not address.startswith((url, "data:"))] == []
        assert page.complaints == []
    api(url, "/stop", stop="1")


def click(page: Page, text: str) -> None:
    """Press the button with this text."""
    page.run(f"[...document.querySelectorAll('button')].find((one) => one.innerText === '{text}').click()")


def write(page: Page, field: str, value: str) -> None:
    """Fill in a field as a person does: the page's own framework has to notice."""
    page.run(
        f"(() => {{ const one = document.querySelector('{field}');"
        "const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;"
        f"set.call(one, '{value}'); one.dispatchEvent(new Event('input', {{bubbles: true}})); }})()"
    )


def api(url: str, path: str, **form: object) -> Any:
    """A GET, or a POST of a form, to Locust's web server; its JSON answer."""
    data = urllib.parse.urlencode(form).encode() if form else None
    with urllib.request.urlopen(url + path, data, timeout=10) as answer:
        return json.load(answer)


def able(url: str) -> bool:
    """Whether a load would start: the worker leaves the master when a load ends, and comes back a moment later."""
    return bool(api(url, "/stats/requests").get("workers"))


def chats(url: str) -> dict[str, Any]:
    """The statistics of the chat requests."""
    found = [entry for entry in api(url, "/stats/requests")["stats"] if entry["name"] == "chat"]
    return found[0] if found else {"num_requests": 0}


def until(look: Callable[[], Any]) -> Any:
    """What `look` gives once it gives something."""
    deadline = time.monotonic() + LIMIT
    while not (found := look()):
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.2)
    return found
