"""A real cluster process for the whole test run, with kubectl, helm and the Python client pointed at it.

Nothing of the user's is touched: state, caches and helm's homes all lie in a temporary folder.
"""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from raglab import paths
from raglab.charts.repository import PLUGINS
from raglab.pocket.config import Settings
from raglab.pocket.node import isolation
from raglab.targets.network import reserved
from tests import schemas

HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
READY_LIMIT = 60.0
STOP_LIMIT = 60.0
COMMAND_LIMIT = 120.0


@dataclass
class Cluster:
    """A running cluster and the programs that talk to it."""

    state: Path
    home: Path
    process: subprocess.Popen[bytes]
    settings: dict[str, Any]
    namespaces: list[str] = field(default_factory=list)

    @property
    def kubeconfig(self) -> Path:
        return self.state / "kubeconfig"

    @property
    def server(self) -> str:
        """URL of the API."""
        url: str = yaml.safe_load(self.kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
        return url

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": f"{BIN}:/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.home),
            "KUBECONFIG": str(self.kubeconfig),
            "KUBECACHEDIR": str(self.home / "kube"),
            "HELM_CONFIG_HOME": str(self.home / "helm" / "config"),
            "HELM_CACHE_HOME": str(self.home / "helm" / "cache"),
            "HELM_DATA_HOME": str(self.home / "helm" / "data"),
            "HELM_PLUGINS": str(PLUGINS),
            "NO_PROXY": "127.0.0.1,localhost",
        }

    def run(
        self, program: str, *args: str, stdin: str | bytes = "", check: bool = True
    ) -> subprocess.CompletedProcess:
        """Run a client; with `check`, failing fails the test and shows what it said."""
        done = subprocess.run(
            [str(BIN / program), *args],
            input=stdin.encode() if isinstance(stdin, str) else stdin,
            capture_output=True,
            env=self.environment,
            timeout=COMMAND_LIMIT,
        )
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        if check and done.returncode:
            pytest.fail(f"{program} {' '.join(args)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def kubectl(self, *args: str, **more: Any) -> str:
        """Standard output of a kubectl command that succeeds."""
        return self.run("kubectl", *args, **more).stdout

    def refused(self, *args: str, **more: Any) -> str:
        """Standard error of a kubectl command that must fail."""
        done = self.run("kubectl", *args, check=False, **more)
        assert done.returncode != 0, f"kubectl {' '.join(args)} succeeded: {done.stdout}"
        return done.stderr

    def json(self, *args: str) -> Any:
        """A kubectl command's ``-o json`` output."""
        return json.loads(self.kubectl(*args, "-o", "json"))

    def apply(self, *objects: dict[str, Any], namespace: str = "default") -> str:
        """``kubectl apply`` of objects given as dicts."""
        return self.kubectl("apply", "-n", namespace, "-f", "-", stdin=yaml.safe_dump_all(objects))

    def helm(self, *args: str, **more: Any) -> str:
        """Standard output of a helm command that succeeds."""
        return self.run("helm", *args, **more).stdout


def defaults() -> dict[str, Any]:
    """What every cluster of the tests is told besides its place: which images there are, and schemas made before."""
    return {"image_catalogues": (HERE / "images.yaml",), "schema_cache": schemas.folder()}


def start(state: Path, home: Path, **settings: Any) -> Cluster:
    """Start a cluster process and wait, not longer than `READY_LIMIT` seconds, until its API is ready."""
    settings = defaults() | settings
    config = state.parent / f"{state.name}.yaml"
    Settings(state=state, **settings).dump(config)
    log = (state.parent / f"{state.name}.log").open("wb")
    command = [sys.executable, "-m", "raglab.pocket", "--config", str(config)]
    process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    cluster = Cluster(state, home, process, settings)
    deadline = time.monotonic() + READY_LIMIT
    while not _ready(cluster):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"the cluster did not start:\n{Path(log.name).read_text()[-4000:]}")
        time.sleep(0.05)
    return cluster


@contextmanager
def running(folder: Path, **settings: Any) -> Iterator[Cluster]:
    """A cluster below `folder` that ends with the block, however that ends; who ended it before is right, too."""
    cluster = start(folder / "state", folder / "home", **settings)
    try:
        yield cluster
    finally:
        if cluster.process.poll() is None:
            stop(cluster)


@contextmanager
def addresses() -> Iterator[dict[str, str]]:
    """Loopback ranges for one cluster alone, so that it can share a machine with labs and with other runs."""
    with reserved() as network:
        yield {
            "pod_cidr": network.pod_cidr,
            "service_cidr": network.service_cidr,
            "node_ip": network.node_ip,
        }


@contextmanager
def isolated(folder: Path, way: str, **settings: Any) -> Iterator[Cluster]:
    """A cluster of its own below `folder`, whose pods are apart in the named `way` of isolation."""
    if way == "bubblewrap" and isolation.choose().name != "bubblewrap":
        pytest.skip("bwrap cannot make a sandbox on this machine")
    with pytest.MonkeyPatch.context() as patch, addresses() as own:
        patch.setenv("RAGLAB_ISOLATION", way)
        with running(folder, **settings, **own) as cluster:
            yield cluster


@contextmanager
def lab(folder: Path, way: str, **variables: Path) -> Iterator[Cluster]:
    """An `isolated` cluster with the lab's images besides those of the tests."""
    folders = {"services": paths.SERVICES, "models": folder, "prometheus": folder, "home": folder} | variables
    catalogues = (HERE / "images.yaml", paths.SERVICES / "images.yaml")
    places = {name: str(place) for name, place in folders.items()}
    with isolated(folder, way, image_catalogues=catalogues, variables=places) as cluster:
        yield cluster


def _ready(cluster: Cluster) -> bool:
    if not cluster.kubeconfig.exists():
        return False
    trust = ssl.create_default_context(cafile=str(cluster.state / "pki" / "ca.crt"))
    try:
        with urllib.request.urlopen(f"{cluster.server}/readyz", context=trust, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False


def eventually(check: Callable[[], Any], seconds: float = 60.0) -> None:
    """Wait until `check` says something true; fail if it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "this has not come true"
        time.sleep(0.1)


def stop(cluster: Cluster) -> None:
    """End a cluster as ``raglab down`` does."""
    cluster.process.send_signal(signal.SIGTERM)
    try:
        cluster.process.wait(STOP_LIMIT)
    except subprocess.TimeoutExpired:
        cluster.process.kill()
        pytest.fail(f"the cluster did not stop within {STOP_LIMIT} s")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One cluster for all tests; each works in a namespace of its own."""
    folder = tmp_path_factory.mktemp("pocket")
    os.environ.setdefault("NO_PROXY", "127.0.0.1,localhost")
    devices = {"example.com/device": {"ids": ["0", "1", "2", "3"], "env": "VISIBLE_DEVICES"}}
    with addresses() as own, running(folder, devices=devices, **own) as shared:
        yield shared


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> str:
    """A fresh namespace named after the test, deleted afterwards without waiting for it."""
    cluster.namespaces.append(request.node.name)
    name = f"t{len(cluster.namespaces)}-" + "".join(
        c if c.isalnum() else "-" for c in request.node.name.lower()
    )
    name = name[:60].strip("-")
    cluster.kubectl("create", "namespace", name)
    request.addfinalizer(lambda: cluster.kubectl("delete", "namespace", name, "--wait=false"))
    return name
