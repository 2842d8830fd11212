"""A container's own streams: ``kubectl run -i``, ``kubectl run -it`` and ``kubectl attach``, with real clients."""

from __future__ import annotations

import pexpect
import pytest
from kubernetes import client, config
from kubernetes.stream import stream

from .conftest import BIN, Cluster

pytestmark = pytest.mark.pocket
NOTICE = (
    "All commands and output from this session will be recorded in container logs, including credentials and "
    "sensitive information passed through the command prompt.\n"
    "If you don't see a command prompt, try pressing enter.\n"
)
COUNT = "trap 'exit 0' TERM; n=0; while :; do n=$((n+1)); echo $n; echo e$n >&2; sleep 0.1; done"


@pytest.fixture(scope="module")
def namespace(cluster):
    cluster.kubectl("create", "ns", "attached")
    cluster.kubectl("wait", "--for=create", "sa/default", "-n", "attached", "--timeout=60s")
    yield "attached"
    cluster.kubectl("delete", "ns", "attached", "--wait=false")


@pytest.fixture(scope="module")
def reader(cluster, namespace) -> str:
    """A pod that says what it reads."""
    container = {
        "name": "main",
        "image": "busybox",
        "command": ["sh", "-c", "while read x; do echo got $x; done"],
        "stdin": True,
    }
    spec = {"containers": [container], "terminationGracePeriodSeconds": 0}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "reader"}, "spec": spec}, namespace=namespace
    )
    cluster.kubectl("wait", "--for=condition=Ready", "pod/reader", "-n", namespace, "--timeout=60s")
    return "reader"


def terminal(cluster: Cluster, *args: str) -> pexpect.spawn:
    """kubectl on a terminal of its own."""
    size = (24, 80)
    return pexpect.spawn(
        str(BIN / "kubectl"),
        list(args),
        env=cluster.environment,
        timeout=60,
        encoding="utf-8",
        dimensions=size,
    )


def run(name: str, namespace: str, *options: str) -> tuple[str, ...]:
    """``kubectl run`` of a pod that is not started anew."""
    return ("run", name, "-n", namespace, "--image=busybox", "--restart=Never", *options)


def test_a_command_whose_pod_is_removed_afterwards(cluster, namespace):
    done = cluster.run("kubectl", *run("one", namespace, "--rm", "-i", "--", "echo", "hi"))
    assert done.stdout == f'hi\npod "one" deleted from {namespace} namespace\n'
    assert cluster.refused("get", "pod", "one", "-n", namespace).startswith("Error from server (NotFound)")


def test_input_goes_to_the_program_and_ends_with_the_client(cluster, namespace):
    done = cluster.run(
        "kubectl",
        *run("two", namespace, "--rm", "-i", "--", "sh", "-c", "wc -c; exit 3"),
        stdin="x" * 500_000,
        check=False,
    )
    assert (done.returncode, done.stderr) == (3, f"{NOTICE}pod {namespace}/two terminated (Error)\n")
    assert done.stdout == f'500000\npod "two" deleted from {namespace} namespace\n'


def test_a_shell_on_a_terminal(cluster, namespace):
    shell = terminal(cluster, *run("three", namespace, "--rm", "-it", "--", "sh"))
    shell.sendline("echo 4$((1+1))")
    shell.expect_exact("42\r\n")
    shell.sendline("stty size; echo $TERM")
    shell.expect_exact("24 80\r\nxterm\r\n")
    shell.setwinsize(30, 100)
    shell.sendline("while [ \"$(stty size)\" != '30 100' ]; do sleep 0.1; done; echo resi''zed")
    shell.expect_exact("resized\r\n")
    shell.sendline("sh -c \"echo be''gun; exec sleep 1000\"")
    shell.expect_exact("begun\r\n")  # a key that is pressed before there is something to end ends nothing
    shell.sendcontrol("c")
    shell.expect(r"\^C[\r\n]+[#$] ")
    shell.sendline("echo still $?")
    shell.expect_exact("still 130\r\n")
    shell.sendline("exit 0")
    shell.expect_exact(f'pod "three" deleted from {namespace} namespace')
    shell.expect(pexpect.EOF)


def test_attaching_hears_what_comes_and_leaves_the_program_alone(cluster, namespace):
    cluster.kubectl(*run("four", namespace, "--", "sh", "-c", COUNT))
    cluster.kubectl("wait", "--for=condition=Ready", "pod/four", "-n", namespace, "--timeout=60s")
    heard = terminal(cluster, "attach", "four", "-n", namespace)
    heard.expect(r"\r\n(\d+)\r\ne(\d+)\r\n")
    first = int(heard.match[1])
    heard.sendcontrol("c")
    heard.expect(pexpect.EOF)
    again = terminal(cluster, "attach", "four", "-n", namespace)
    again.expect(r"\r\n(\d+)\r\n")
    assert int(again.match[1]) > first
    cluster.kubectl("delete", "pod", "four", "-n", namespace)
    again.expect(pexpect.EOF)


def test_without_stdin_once_the_input_stays_open(cluster, namespace, reader):
    before = cluster.kubectl("logs", reader, "-n", namespace)
    for word in ("this", "that"):
        attached = terminal(cluster, "attach", "-i", reader, "-n", namespace)
        attached.sendline(word)
        attached.expect_exact(f"got {word}\r\n")
        attached.sendcontrol("c")
        attached.expect(pexpect.EOF)
    assert cluster.kubectl("logs", reader, "-n", namespace) == before + "got this\ngot that\n"


def test_a_command_on_a_terminal(cluster, namespace, reader):
    shell = terminal(cluster, "exec", "-it", reader, "-n", namespace, "--", "sh")
    shell.sendline("stty size")
    shell.expect_exact("24 80\r\n")
    shell.setwinsize(30, 100)
    shell.sendline("until [ \"$(stty size)\" = '30 100' ]; do sleep 0.1; done; exit 7")
    shell.expect_exact("command terminated with exit code 7")
    shell.expect(pexpect.EOF)
    shell.close()
    assert shell.exitstatus == 7


def test_the_python_client_attaches(cluster, namespace, reader):
    with config.new_client_from_config(str(cluster.kubeconfig)) as api_client:
        attach = client.CoreV1Api(api_client).connect_get_namespaced_pod_attach
        options = {"stdin": True, "stdout": True, "stderr": True, "tty": False, "_preload_content": False}
        attached = stream(attach, reader, namespace, **options)
        attached.write_stdin("python\n")
        assert attached.readline_stdout(timeout=20) == "got python"
        attached.close()


def test_what_is_refused(cluster, namespace):
    cluster.kubectl(*run("six", namespace, "--", "true"))
    cluster.kubectl(
        "wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/six", "-n", namespace, "--timeout=60s"
    )
    cluster.kubectl(*run("seven", namespace, "--", "sh", "-c", COUNT))
    cluster.kubectl("wait", "--for=condition=Ready", "pod/seven", "-n", namespace, "--timeout=60s")
    attach = ("attach", "-n", namespace)
    assert (
        cluster.refused(*attach, "six")
        == "error: cannot attach a container in a completed pod; current phase is Succeeded\n"
    )
    assert cluster.refused(*attach, "nosuch") == 'Error from server (NotFound): pods "nosuch" not found\n'
    assert cluster.refused(*attach, "seven", "-c", "x") == (
        "error: cannot attach to the container: container x is not valid for pod seven out of: seven\n"
    )
    no_terminal = terminal(cluster, *attach, "-it", "seven")
    no_terminal.expect_exact("error: Unable to use a TTY - container seven did not allocate one")
    no_terminal.close()
    cluster.kubectl("delete", "pod", "seven", "-n", namespace, "--now", "--wait=false")
