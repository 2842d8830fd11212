"""Services as pods and this machine see them: names, cluster IPs, node ports, readiness, refusals."""

from __future__ import annotations

import http.client
import socket
import time
import urllib.request
from typing import Any

import pytest

from raglab.targets.network import can_bind
from tests.pocket.conftest import Cluster
from tests.pocket.test_pods import Pods, pod, sandboxed  # noqa: F401 - a fixture

pytestmark = pytest.mark.pocket


@pytest.fixture
def pods(cluster: Cluster, namespace: str) -> Pods:
    return Pods(cluster, namespace)


def service(name: str, **spec: Any) -> dict[str, Any]:
    spec = {"selector": {"app": "web"}, "ports": [{"port": 8080, "targetPort": "http"}], **spec}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def web(name: str = "web", **spec: Any) -> dict[str, Any]:
    ports = [{"containerPort": 8080, "name": "http"}]
    return pod(name, "example.com/web:1", labels={"app": "web"}, ports=ports, readinessProbe=PROBE, **spec)


PROBE = {"tcpSocket": {"port": "http"}, "periodSeconds": 1, "failureThreshold": 1}


def fetch(address: str) -> int:
    """Status of ``GET /``, or 0 when the connection is refused or reset."""
    try:
        with urllib.request.urlopen(f"http://{address}/", timeout=5) as answer:
            return answer.status
    except (OSError, http.client.HTTPException):
        return 0


def node_address(pods: Pods) -> str:
    """Where node ports listen."""
    return pods.cluster.json("get", "node", "minikube")["status"]["addresses"][0]["address"]


def until(condition: Any, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.1)


@pytest.mark.usefixtures("sandboxed")
def test_every_form_of_a_services_name_works_in_pods(pods: Pods):
    pods.create(service("front"), web())
    pods.kubectl("wait", "--for=condition=Ready", "pod/web", "--timeout=60s")
    names = ["front", f"front.{pods.namespace}", f"front.{pods.namespace}.svc"]
    names.append(f"front.{pods.namespace}.svc.cluster.local")
    script = "; ".join(
        f"python -c \"import urllib.request as u; print(u.urlopen('http://{name}:8080', timeout=5).status)\""
        for name in names
    )
    address = pods.cluster.json("-n", pods.namespace, "get", "service", "front")["spec"]["clusterIP"]
    until(lambda: fetch(f"{address}:8080") == 200)
    assert pods.run(pod("client", command=script)) == "200\n" * 4
    assert pods.run(pod("native", command="getent hosts front")).split()[0] == address


@pytest.mark.usefixtures("sandboxed")
def test_a_running_pod_learns_of_new_services(pods: Pods):
    pods.create(pod("early", command="until getent hosts late; do sleep 0.1; done"))
    pods.wait("early", ".status.phase", "Running")
    pods.create(service("late"))
    pods.wait("early", ".status.phase", "Succeeded")


def test_node_ports_follow_readiness(pods: Pods):
    pods.create(service("np", type="NodePort"), web())
    port = pods.cluster.json("-n", pods.namespace, "get", "service", "np")["spec"]["ports"][0]["nodePort"]
    node = node_address(pods)
    until(lambda: fetch(f"{node}:{port}") == 200)
    pods.kubectl("delete", "pod", "web")
    until(lambda: fetch(f"{node}:{port}") == 0)
    pods.create(web("again"))
    until(lambda: fetch(f"{node}:{port}") == 200)
    pods.kubectl("delete", "service", "np")
    until(lambda: can_bind(node, port))


def test_a_taken_node_port_is_told_and_served_when_it_is_free(pods: Pods):
    node = node_address(pods)
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        port = next(number for number in range(32767, 32000, -1) if can_bind(node, number))
        other.bind((node, port))
        other.listen()
        pods.create(
            service("np", type="NodePort", ports=[{"port": 8080, "targetPort": "http", "nodePort": port}])
        )
        pods.event("np", "FailedToBind", f"can't open port {port} on {node}: another program of this machine")
    pods.create(web())
    until(lambda: fetch(f"{node}:{port}") == 200)


@pytest.mark.usefixtures("sandboxed")
def test_headless_services_name_their_pods(pods: Pods):
    made = web("db-0", hostname="db-0", subdomain="db")
    pods.create(service("db", clusterIP="None"), made)
    pods.kubectl("wait", "--for=condition=Ready", "pod/db-0", "--timeout=60s")
    ip = pods.status("db-0")["podIP"]
    script = f"until getent hosts db-0.db.{pods.namespace}; do sleep 0.1; done; getent hosts db"
    lines = pods.run(pod("client", command=script)).splitlines()
    assert [line.split()[0] for line in lines] == [ip, ip]


def test_service_links_are_in_the_environment(pods: Pods):
    pods.create(service("my-front"))
    address = pods.cluster.json("-n", pods.namespace, "get", "service", "my-front")["spec"]["clusterIP"]
    assert (
        pods.run(pod("env", command="echo $MY_FRONT_SERVICE_HOST:$MY_FRONT_SERVICE_PORT"))
        == f"{address}:8080\n"
    )
    without = pod("none", command="echo $MY_FRONT_SERVICE_HOST.", enableServiceLinks=False)
    assert pods.run(without) == ".\n"


def test_pods_reach_the_api_with_their_token(pods: Pods):
    script = (
        "import os, ssl, urllib.error, urllib.request as u\n"
        "folder = '/var/run/secrets/kubernetes.io/serviceaccount/'\n"
        "host, port = (os.environ['KUBERNETES_SERVICE_' + name] for name in ('HOST', 'PORT'))\n"
        "url = f'https://{host}:{port}/version'\n"
        "request = u.Request(url, headers={'Authorization': 'Bearer ' + open(folder + 'token').read()})\n"
        "print(u.urlopen(request, context=ssl.create_default_context(cafile=folder + 'ca.crt'), timeout=5).status)\n"
    )
    made = pod("api")
    made["spec"]["containers"][0]["command"] = ["python", "-c", script]
    assert pods.run(made) == "200\n"
