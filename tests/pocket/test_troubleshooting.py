"""The fifteen pains of the troubleshooting page, caused, found and mended by the very commands that the page shows.

One cluster with the RAG application serves all; each section leaves it as it was.
"""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator

import pytest

from raglab import paths
from raglab.targets import Pocket
from tests.pocket.application import CONFIG, VALUES, gpu_cluster, install
from tests.pocket.conftest import Cluster
from tests.pocket.trouble import Pain, pains

pytestmark = [pytest.mark.pocket, pytest.mark.slow]
LIMIT = 45.0
"""Seconds for a message to appear; an autoscaler looks every 15."""
ALL = pains()
AUTOSCALER = ALL[0]
"""Made first and looked at last, as it tells nothing for 15 seconds."""
TRIED = [pain for pain in [*ALL[1:], AUTOSCALER] if pain.is_tried]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Four GPUs and the application without its LLM, which no section asks."""
    with gpu_cluster(tmp_path_factory.mktemp("trouble")) as running:
        install(running, "nemollm-embedding", "rag-app")
        typed(running, AUTOSCALER.commands("Try it"))
        yield running


def typed(lab: Cluster, commands: list[str], check: bool = True) -> str:
    """What the commands print, typed one after the other in a shell in the checkout; with `check`, all succeed."""
    said = ""
    for line in commands:
        own = os.environ | lab.environment | Pocket().charts() | {"VALUES": str(VALUES)}
        done = subprocess.run(
            ["bash", "-c", line], env=own, cwd=paths.CHECKOUT, capture_output=True, text=True
        )
        said += done.stdout + done.stderr
        assert not check or done.returncode == 0, f"{line}: exit {done.returncode}\n{said}"
    return said


@pytest.mark.parametrize("pain", TRIED, ids=lambda pain: f"{pain.number:02}")
def test_is_caused_found_and_mended(lab: Cluster, pain: Pain) -> None:
    typed(lab, pain.commands("Try it"))
    deadline, seen, missing = time.monotonic() + LIMIT, "", list(pain.messages)
    while missing:
        assert time.monotonic() < deadline, f"never seen: {missing}; but:\n{seen[-4000:]}"
        seen += typed(lab, pain.commands("Find it") or pain.commands("Try it"), check=False)
        missing = [line for line in missing if line not in seen]
        time.sleep(0.1)
    typed(lab, pain.commands("Mend it"))


def test_a_node_without_gpus(cluster: Cluster, namespace: str) -> None:
    """Pain 6 as it is on minikube: the node has none at all."""
    columns = r"-o=jsonpath={.items[*].status.allocatable.nvidia\.com/gpu}"
    assert cluster.kubectl("get", "nodes", columns) == ""
    cluster.kubectl("apply", "-f", str(CONFIG / "gpu-pod.yaml"), "-n", namespace)
    pod = ("pod/gpu-operator-test", "-n", namespace)
    cluster.kubectl("wait", *pod, "--for=condition=PodScheduled=False", "--timeout=30s")
    reason = "-o=jsonpath={.status.conditions[?(@.type=='PodScheduled')].message}"
    assert "1 Insufficient nvidia.com/gpu." in cluster.kubectl("get", *pod, reason)


def test_pods_run_as_the_user_of_the_lab(cluster: Cluster, namespace: str) -> None:
    """Why pain 9 cannot be had here."""
    container = {"name": "c", "image": "busybox", "command": ["id", "-u"]}
    spec = {
        "restartPolicy": "Never",
        "containers": [container],
        "securityContext": {"runAsUser": 1000 + os.getuid()},
    }
    cluster.apply(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "who"}, "spec": spec}, namespace=namespace
    )
    done = "--for=jsonpath={.status.phase}=Succeeded"
    cluster.kubectl("wait", "pod/who", "-n", namespace, done, "--timeout=30s")
    assert cluster.kubectl("logs", "who", "-n", namespace).strip() == str(os.getuid())


def test_the_page_has_fifteen_whole_sections() -> None:
    assert [pain.number for pain in ALL] == list(range(1, 16))
    for pain in ALL:
        absent = [name for name in ("You see", "Why", "Mend it") if not pain.part(name)]
        assert not absent, f"{pain.number}: no {absent}"
        assert "**Find it**" in pain.text, f"{pain.number}: no way to find it"
        assert (pain.is_tried and pain.messages) or pain.part("On the pocket cluster"), (
            f"{pain.number}: not tried, no why"
        )
        assert pain.is_tried or re.search(r"::test_\w+", pain.text), f"{pain.number}: no test"


def test_the_tests_that_the_page_names_exist() -> None:
    named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", "\n".join(pain.text for pain in ALL))
    assert named
    for file, function in named:
        assert f"def {function}(" in (paths.CHECKOUT / file).read_text(), f"{file} has no {function}"
