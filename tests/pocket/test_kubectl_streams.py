"""Logs of and commands in running pods, with kubectl and the Python client."""

from __future__ import annotations

import json
import subprocess

import pytest
from kubernetes import client, config
from kubernetes.stream import stream

from .conftest import BIN

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


@pytest.fixture(scope="module")
def several(cluster, pod) -> str:
    """A pod of three containers, one of which has failed once."""
    namespace, _ = pod
    wait = "trap 'exit 0' TERM; sleep 1000 & wait"
    count = "echo run $(ls /runs | wc -l); [ -e /runs/one ] || { touch /runs/one; exit 1; }; "
    runs = {"name": "runs", "mountPath": "/runs"}
    containers = [
        {
            "name": "a",
            "image": "busybox",
            "command": ["sh", "-c", f"echo a1; sleep 0.2; echo a2 >&2; {wait}"],
        },
        {"name": "b", "image": "busybox", "command": ["sh", "-c", count + wait], "volumeMounts": [runs]},
    ]
    init = [{"name": "first", "image": "busybox", "command": ["echo", "init"]}]
    spec = {
        "initContainers": init,
        "containers": containers,
        "volumes": [{"name": "runs", "emptyDir": {}}],
        "terminationGracePeriodSeconds": 1,
    }
    meta = {"name": "several", "labels": {"app": "several"}}
    cluster.apply({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}, namespace=namespace)
    again = "--for=jsonpath={.status.containerStatuses[1].restartCount}=1"
    cluster.kubectl("wait", again, "pod/several", "-n", namespace, "--timeout=60s")
    cluster.kubectl("wait", "--for=condition=Ready", "pod/several", "-n", namespace, "--timeout=60s")
    return namespace


def test_logs_of_several_containers(cluster, several):
    logs = ("logs", "-n", several)
    shown = cluster.run("kubectl", *logs, "several")
    assert (shown.stdout, shown.stderr) == (
        "a1\na2\n",
        'Defaulted container "a" out of: a, b, first (init)\n',
    )
    assert cluster.kubectl(*logs, "several", "-c", "first") == "init\n"
    assert cluster.kubectl(*logs, "several", "-c", "b") == "run 1\n"
    assert cluster.kubectl(*logs, "several", "-c", "b", "--previous") == "run 0\n"
    every = cluster.kubectl(*logs, "several", "--all-containers")
    assert sorted(every.splitlines()) == ["a1", "a2", "init", "run 1"]
    marked = cluster.kubectl(*logs, "-l", "app=several", "--all-containers", "--prefix", "--tail=1")
    assert sorted(marked.splitlines()) == [
        "[pod/several/a] a2",
        "[pod/several/b] run 1",
        "[pod/several/first] init",
    ]
    none = cluster.run("kubectl", *logs, "-l", "app=nosuch").stderr
    assert none == f"No resources found in {several} namespace.\n"


def test_parts_of_logs(cluster, several):
    logs = ("logs", "-n", several, "several", "-c", "a")
    assert cluster.kubectl(*logs, "--limit-bytes=4") == "a1\na"
    assert cluster.kubectl(*logs, "--tail=0") == ""
    assert cluster.kubectl(*logs, "--since=1h") == "a1\na2\n"
    first, second = (line.split() for line in cluster.kubectl(*logs, "--timestamps").splitlines())
    assert (first[1], second[1]) == ("a1", "a2")
    assert cluster.kubectl(*logs, f"--since-time={first[0]}") == "a1\na2\n"
    assert cluster.kubectl(*logs, "--since-time=2100-01-01T00:00:00Z") == ""


def test_followed_logs_end_with_the_container(cluster, pod):
    namespace, _ = pod
    script = "echo one; until [ -e /go ]; do sleep 0.05; done; echo two"
    cluster.kubectl(
        "run", "ends", "-n", namespace, "--image=busybox", "--restart=Never", "--", "sh", "-c", script
    )
    cluster.kubectl("wait", "--for=condition=Ready", "pod/ends", "-n", namespace, "--timeout=60s")
    command = [str(BIN / "kubectl"), "logs", "-f", "ends", "-n", namespace]
    with subprocess.Popen(command, env=cluster.environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "one\n"
        # The container may end, and end the command with it, before the command has told that it succeeded.
        cluster.run("kubectl", "exec", "ends", "-n", namespace, "--", "touch", "/go", check=False)
        assert process.stdout.read() == "two\n"
        assert process.wait(20) == 0


def test_files_and_folders_are_copied_both_ways(cluster, pod, tmp_path):
    namespace, name = pod
    there = f"{namespace}/{name}"
    (tmp_path / "folder" / "below").mkdir(parents=True)
    (tmp_path / "folder" / "small").write_text("hello\n")
    (tmp_path / "folder" / "below" / "big").write_bytes(bytes(range(256)) * 20_000)
    cluster.kubectl("cp", str(tmp_path / "folder"), f"{there}:/tmp/copied")
    cluster.kubectl("cp", f"{there}:/tmp/copied", str(tmp_path / "back"))
    for file in ("small", "below/big"):
        assert (tmp_path / "back" / file).read_bytes() == (tmp_path / "folder" / file).read_bytes()
    cluster.kubectl("cp", f"{there}:/tmp/copied/small", str(tmp_path / "renamed"))
    assert (tmp_path / "renamed").read_text() == "hello\n"
    missing = cluster.run(
        "kubectl", "cp", str(tmp_path / "renamed"), f"{there}:/no/such/folder/x", check=False
    )
    assert missing.returncode == 2
    assert "tar: /no/such/folder: Cannot open: No such file or directory" in missing.stderr


def test_copying_needs_tar_in_the_container(cluster, pod):
    namespace, _ = pod
    script = "trap 'exit 0' TERM; while :; do /bin/sleep 0.1; done"
    options = ("--image=busybox", "--restart=Never", "--env=PATH=/nowhere", "--command")
    cluster.kubectl("run", "bare", "-n", namespace, *options, "--", "/bin/sh", "-c", script)
    cluster.kubectl("wait", "--for=condition=Ready", "pod/bare", "-n", namespace, "--timeout=60s")
    said = cluster.refused("cp", f"{namespace}/bare:/etc/hosts", "/dev/null")
    assert 'exec: "tar": executable file not found in $PATH' in said


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
