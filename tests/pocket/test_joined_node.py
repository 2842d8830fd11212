"""``raglab node``: a second node in a process of its own, from joining to leaving, through kubectl."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from raglab.pocket.node import guardian
from raglab.targets.network import Network, reserved
from tests.pocket import conftest
from tests.pocket.conftest import Cluster, eventually
from tests.pocket.test_metrics_server import deployment

pytestmark = [pytest.mark.pocket, pytest.mark.slow]
LIMIT = "--timeout=60s"
QUICK = {"node_lease_seconds": 4, "node_grace_seconds": 4.0}
"""A sign of life each second, and a loss that is told in ten instead of a minute."""
TICK = "while :; do echo tick; sleep 0.2; done"


class Node:
    """The agent's process, started as often as a test wants."""

    def __init__(self, folder: Path, kubeconfig: Path) -> None:
        self.home, self.log, self.kubeconfig = folder / "lab", folder / "node.log", kubeconfig
        self.process: subprocess.Popen[bytes] | None = None

    def keep(self, network: Network) -> None:
        """Choose the addresses of the node, which otherwise takes free ones."""
        folder = self.home / "nodes" / "second"
        folder.mkdir(mode=0o700, parents=True)
        (folder / "network").write_text(str(network.number))

    def start(self, name: str = "second") -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "raglab.cli", "node", "--kubeconfig", str(self.kubeconfig)]
        command += ["--name", name, "--label", "zone=b", "--lease", "4", "--verbose"]
        env = os.environ | {"RAGLAB_HOME": str(self.home)}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, env=env, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            )
        return self.process

    def strays(self) -> list[int]:
        return guardian.marked((self.home / "nodes" / "second" / "run" / "mark").read_text())


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with conftest.isolated(tmp_path_factory.mktemp("joined"), "bubblewrap", **QUICK) as running:
        yield running


@pytest.fixture(scope="module")
def second(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    node = Node(tmp_path_factory.mktemp("second"), cluster.kubeconfig)
    with reserved() as network:
        node.keep(network)
        yield node
        if node.process is not None and node.process.poll() is None:
            node.process.kill()
            node.process.wait()


def on_second(name: str, command: str, **spec: Any) -> dict[str, Any]:
    """A Deployment that asks for the second node and tolerates what it is."""
    made = deployment(name, command)
    made["spec"]["template"]["spec"] |= {
        "nodeSelector": {"zone": "b"},
        "tolerations": [
            {"key": "virtual-kubelet.io/provider", "operator": "Exists"},
            {"key": "node.kubernetes.io/unreachable", "operator": "Exists", "tolerationSeconds": 1},
        ],
    }
    made["spec"] |= spec
    return made


def ready(cluster: Cluster, value: str) -> None:
    cluster.kubectl("wait", f"--for=condition=Ready={value}", "node/second", LIMIT)


def test_a_second_node_from_joining_to_leaving(cluster: Cluster, second: Node):
    second.start()
    eventually(lambda: "second" in cluster.kubectl("get", "nodes"))
    ready(cluster, "True")
    cluster.apply(on_second("there", TICK, replicas=2), deployment("here", TICK))
    for name in ("there", "here"):
        cluster.kubectl("rollout", "status", f"deploy/{name}", LIMIT)
    rows = [
        line.split() for line in cluster.kubectl("get", "pods", "-o", "wide", "--no-headers").splitlines()
    ]
    assert {(row[0].split("-")[0], row[6]) for row in rows} == {("there", "second"), ("here", "minikube")}
    _streams(cluster)
    _survives_the_apis_restart(cluster)
    _is_lost_and_comes_back(cluster, second)
    _leaves(cluster, second)


def _streams(cluster: Cluster) -> None:
    """Logs, commands and the kubelet's pages reach the other process, and its refusals come back."""
    assert cluster.kubectl("logs", "deploy/there", "--tail=1") == "tick\n"
    name = cluster.kubectl("get", "pods", "-l", "app=there", "-o", "name").split()[0]
    assert "previous terminated container" in cluster.refused("logs", "-p", name)
    page = cluster.kubectl("get", "--raw", "/api/v1/nodes/second/proxy/metrics/resource")
    assert 'container_cpu_usage_seconds_total{container="c0",namespace="default",pod="there-' in page
    assert "could not find" in cluster.refused("get", "--raw", "/api/v1/nodes/second/proxy/nosuch")
    account = "/var/run/secrets/kubernetes.io/serviceaccount/token"
    script = f"cat; wc -c < {account}; echo problem >&2; exit 3"
    done = cluster.run("kubectl", "exec", "-i", name, "--", "sh", "-c", script, stdin="words\n", check=False)
    assert (done.returncode, done.stdout.splitlines()[0]) == (3, "words")
    assert int(done.stdout.splitlines()[1]) > 100, "the API server gives the pod a token"
    assert "problem" in done.stderr
    assert '"nosuch": executable file not found' in cluster.refused("exec", name, "--", "nosuch")


def _survives_the_apis_restart(cluster: Cluster) -> None:
    """The API goes away and comes back on the same port: the agent goes on with what changed meanwhile."""
    cluster.process.kill()
    cluster.process.wait()
    again = conftest.start(cluster.state, cluster.home, **cluster.settings)
    cluster.process = again.process
    cluster.kubectl("scale", "deploy/there", "--replicas=3")
    cluster.kubectl("rollout", "status", "deploy/there", LIMIT)
    rows = cluster.kubectl("get", "pods", "-l", "app=there", "--no-headers").splitlines()
    assert sorted(int(row.split()[3]) for row in rows) == [0, 0, 0], "the agent's own pods did not restart"


def _is_lost_and_comes_back(cluster: Cluster, second: Node) -> None:
    assert second.process is not None
    second.process.kill()
    second.process.wait()
    ready(cluster, "Unknown")
    assert "NotReady" in cluster.kubectl("get", "node", "second")
    eventually(lambda: not second.strays())
    eventually(lambda: cluster.kubectl("get", "pods", "-l", "app=there").count("Terminating") == 3)
    effects = cluster.kubectl("get", "node", "second", "-o", "jsonpath={.spec.taints[*].key}")
    assert "node.kubernetes.io/unreachable" in effects
    unreachable = cluster.refused("logs", "deploy/there", "--tail=1")
    assert "Error from server" in unreachable
    second.start()
    ready(cluster, "True")
    cluster.kubectl("rollout", "status", "deploy/there", LIMIT)
    eventually(lambda: "Terminating" not in cluster.kubectl("get", "pods"))


def _leaves(cluster: Cluster, second: Node) -> None:
    process = second.process
    assert process is not None
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0, second.log.read_text()
    assert "Node second has left the cluster" in second.log.read_text()
    assert cluster.kubectl("get", "nodes", "-o", "name") == "node/minikube\n"
    assert not second.strays()
    assert cluster.refused("get", "lease", "second", "-n", "kube-node-lease")
    phases = cluster.kubectl("get", "pods", "-l", "app=there", "-o", "jsonpath={.items[*].status.phase}")
    assert phases.split() == ["Pending"] * 3


def test_a_node_takes_nobodys_place_and_says_what_is_wrong(cluster: Cluster, second: Node, tmp_path: Path):
    before = len(second.log.read_bytes()) if second.log.exists() else 0
    assert second.start("minikube").wait(60) == 1
    said = second.log.read_text()[before:]
    assert "has a node minikube already, and it is another one" in said
    elsewhere = Node(tmp_path, tmp_path / "nosuch")
    assert elsewhere.start().wait(60) == 1
    assert "No such file or directory" in elsewhere.log.read_text()
