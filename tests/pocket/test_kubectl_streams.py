"""Logs of and commands in running pods, with kubectl and the Python client."""

from __future__ import annotations

import json

import pytest
from kubernetes import client, config
from kubernetes.stream import stream

pytestmark = pytest.mark.pocket
SCRIPT = "echo one; echo two; trap 'exit 0' TERM; while :; do sleep 0.1; done"


@pytest.fixture(scope="module")
def pod(cluster) -> tuple[str, str]:
    """(namespace, name) of a pod that has written two lines and keeps running."""
    cluster.kubectl("create", "ns", "streams")
    cluster.kubectl("wait", "--for=create", "sa/default", "-n", "streams", "--timeout=60s")
    container = {"name": "main", "image": "busybox:1", "command": ["sh", "-c", SCRIPT]}
    spec = {"containers": [container], "terminationGracePeriodSeconds": 2}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}, namespace="streams"
    )
    cluster.kubectl("wait", "--for=condition=Ready", "pod/p", "-n", "streams", "--timeout=60s")
    yield "streams", "p"
    cluster.kubectl("delete", "ns", "streams", "--wait=false")


def test_logs(cluster, pod):
    namespace, name = pod
    logs = ("logs", name, "-n", namespace)
    assert cluster.kubectl(*logs) == "one\ntwo\n"
    assert cluster.kubectl(*logs, "--tail=1") == "two\n"
    assert cluster.kubectl(*logs, "--timestamps").splitlines()[0].endswith("Z one")
    assert cluster.refused(*logs, "-c", "nosuch") == (
        f"error: container nosuch is not valid for pod {name} out of: main\n"
    )
    assert cluster.refused(*logs, "--previous") == (
        f'Error from server (BadRequest): previous terminated container "main" in pod "{name}" not found\n'
    )


def test_commands(cluster, pod):
    namespace, name = pod
    run = ("exec", name, "-n", namespace)
    assert cluster.kubectl(*run, "--", "echo", "hello world") == "hello world\n"
    assert cluster.kubectl(*run, "-i", "--", "cat", stdin="typed\n") == "typed\n"
    done = cluster.run("kubectl", *run, "--", "sh", "-c", "echo out; echo err >&2; exit 7", check=False)
    assert (done.returncode, done.stdout) == (7, "out\n")
    assert done.stderr == "err\ncommand terminated with exit code 7\n"


def test_much_output_arrives_whole(cluster, pod):
    namespace, name = pod
    said = cluster.kubectl(
        "exec", name, "-n", namespace, "--", "sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x"
    )
    assert said == "x" * 3_000_000


def test_commands_refused(cluster, pod):
    namespace, name = pod
    said = cluster.refused("exec", name, "-n", namespace, "-c", "nosuch", "--", "true")
    assert said == f"error: container nosuch is not valid for pod {name} out of: main\n"
    said = cluster.refused("exec", "nosuch", "-n", namespace, "--", "true")
    assert said == 'Error from server (NotFound): pods "nosuch" not found\n'


def test_the_python_client_runs_commands(cluster, pod):
    namespace, name = pod
    with config.new_client_from_config(str(cluster.kubeconfig)) as api_client:
        execute = client.CoreV1Api(api_client).connect_get_namespaced_pod_exec
        options = {"command": ["sh", "-c", "read x; echo got $x; exit 4"], "stderr": True, "stdin": True}
        socket = stream(execute, name, namespace, stdout=True, tty=False, _preload_content=False, **options)
        socket.write_stdin("it\n")
        socket.run_forever(timeout=20)
        assert socket.read_stdout() == "got it\n"
        assert socket.returncode == 4


def test_the_python_client_reads_logs(cluster, pod):
    namespace, name = pod
    with config.new_client_from_config(str(cluster.kubeconfig)) as api_client:
        assert client.CoreV1Api(api_client).read_namespaced_pod_log(name, namespace) == "one\ntwo\n"


def test_eviction_deletes_politely(cluster):
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "evicted", "namespace": "default"},
            "spec": {"containers": [{"name": "main", "image": "example.com/none:1"}]},
        }
    )
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "evicted"}}
    path = "/api/v1/namespaces/default/pods/evicted/eviction"
    said = cluster.kubectl("create", "--raw", path, "-f", "-", stdin=json.dumps(eviction))
    assert json.loads(said)["status"] == "Success"
    cluster.kubectl("wait", "--for=delete", "pod/evicted", "--timeout=60s")
