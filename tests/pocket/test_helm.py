"""A release's whole life with the real helm."""

from __future__ import annotations

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from . import registry

pytestmark = pytest.mark.pocket
CHARTS = Path(__file__).parent / "charts"
CHART, HOOKED = str(CHARTS / "tiny"), str(CHARTS / "hooked")


def test_a_release_from_install_to_uninstall(cluster, namespace):
    def helm(*args: str) -> str:
        return cluster.helm(*args, "-n", namespace)

    def value(path: str) -> str:
        return cluster.kubectl("get", "cm", "r", "-n", namespace, "-o", f"jsonpath={{{path}}}")

    said = helm("upgrade", "--install", "r", CHART)
    assert "STATUS: deployed\nREVISION: 1" in said
    assert "It says hello." in said
    assert value(".data.greeting") == "hello"
    assert "REVISION: 2" in helm("upgrade", "r", CHART, "--set", "greeting=bye")
    assert value(".data.greeting") == "bye"
    assert json.loads(helm("get", "values", "r", "-o", "json")) == {"greeting": "bye"}
    assert "Rollback was a success" in helm("rollback", "r", "1")
    assert value(".data.greeting") == "hello"
    history = json.loads(helm("history", "r", "-o", "json"))
    assert [entry["status"] for entry in history] == ["superseded", "superseded", "deployed"]
    assert json.loads(helm("list", "-o", "json"))[0]["chart"] == "tiny-0.1.0"
    assert "name: r" in helm("get", "manifest", "r")
    assert helm("uninstall", "r") == 'release "r" uninstalled\n'
    assert (
        cluster.kubectl("get", "cm,deploy,svc,secrets", "-n", namespace, "-l", "owner=helm", "-o", "name")
        == ""
    )
    assert "NotFound" in cluster.refused("get", "deploy", "r", "-n", namespace)


def test_an_upgrade_keeps_the_node_port(cluster, namespace):
    def port() -> str:
        return cluster.kubectl("get", "svc", "r", "-n", namespace, "-o", "jsonpath={.spec.ports[0].nodePort}")

    cluster.helm("install", "r", CHART, "-n", namespace)
    before = port()
    cluster.helm("upgrade", "r", CHART, "-n", namespace, "--set", "greeting=bye")
    assert port() == before


def test_a_failed_install_is_remembered(cluster, namespace):
    failed = cluster.run(
        "helm", "install", "r", CHART, "-n", namespace, "--set", "nodePort=99999", check=False
    )
    assert failed.returncode == 1
    assert "provided port is not in the valid range" in failed.stderr
    listed = json.loads(cluster.helm("list", "-n", namespace, "-o", "json", "--all"))
    assert listed[0]["status"] == "failed"


def test_install_into_a_new_namespace(cluster):
    cluster.helm("install", "r", CHART, "-n", "helm-made", "--create-namespace")
    cluster.helm("uninstall", "r", "-n", "helm-made")
    cluster.kubectl("delete", "ns", "helm-made", "--wait=false")


def revisions(cluster, namespace: str) -> list[tuple[str, str]]:
    """(status, description) of every revision of the release ``r``."""
    listed = json.loads(cluster.helm("history", "r", "-n", namespace, "-o", "json"))
    return [(entry["status"], entry["description"]) for entry in listed]


def test_hooks_run_before_and_tests_after(cluster, namespace):
    def helm(*args: str) -> str:
        return cluster.helm(*args, "-n", namespace)

    helm("install", "r", HOOKED)
    assert cluster.kubectl("get", "jobs", "-n", namespace, "-o", "name") == "", (
        "one that succeeded is removed"
    )
    said = helm("test", "r", "--logs", "--timeout", "60s")
    assert "TEST SUITE:     r-test\n" in said
    assert "Phase:          Succeeded\n" in said
    assert "POD LOGS: r-test\ntested\n" in said
    helm("upgrade", "r", HOOKED, "--set", "code=3")
    failed = cluster.run("helm", "test", "r", "-n", namespace, "--timeout", "60s", check=False)
    assert failed.returncode == 1
    assert "Phase:          Failed\n" in failed.stdout
    assert failed.stderr == "Error: 1 error occurred:\n\t* pod r-test failed\n\n\n"


def test_a_hook_that_fails_stops_the_upgrade(cluster, namespace):
    cluster.helm("install", "r", HOOKED, "-n", namespace)
    failed = cluster.run("helm", "upgrade", "r", HOOKED, "-n", namespace, "--set", "before=1", check=False)
    why = "pre-upgrade hooks failed: 1 error occurred:\n\t* job r-before failed: BackoffLimitExceeded\n\n"
    assert failed.stderr == f"Error: UPGRADE FAILED: {why}\n"
    assert [status for status, _ in revisions(cluster, namespace)] == ["deployed", "failed"]


def test_atomic_takes_back_what_fails(cluster, namespace):
    broken = (HOOKED, "-n", namespace, "--set", "image=example.com/none:1", "--atomic")
    failed = cluster.run("helm", "install", "r", *broken, "--timeout", "1s", check=False)
    assert failed.stderr == (
        "Error: INSTALLATION FAILED: release r failed, and has been uninstalled due to atomic being set: "
        "context deadline exceeded\n"
    )
    assert json.loads(cluster.helm("list", "--all", "-n", namespace, "-o", "json")) == []
    cluster.helm("install", "r", HOOKED, "-n", namespace)
    failed = cluster.run("helm", "upgrade", "r", *broken, "--timeout", "3s", check=False)
    assert failed.stderr == (
        "Error: UPGRADE FAILED: release r failed, and has been rolled back due to atomic being set: "
        "context deadline exceeded\n"
    )
    assert revisions(cluster, namespace) == [
        ("superseded", "Install complete"),
        ("failed", 'Upgrade "r" failed: context deadline exceeded'),
        ("deployed", "Rollback to 1"),
    ]
    cluster.kubectl("rollout", "status", "deploy/r", "-n", namespace, "--timeout=60s")


def test_what_helm_remembers(cluster, namespace):
    def refused(*args: str) -> str:
        done = cluster.run("helm", *args, "-n", namespace, check=False)
        assert done.returncode == 1
        return done.stderr

    cluster.helm("install", "r", CHART, "-n", namespace)
    assert refused("rollback", "r", "99") == "Error: release has no 99 version\n"
    assert refused("install", "r", CHART) == (
        "Error: INSTALLATION FAILED: cannot re-use a name that is still in use\n"
    )
    assert refused("upgrade", "nosuch", CHART) == 'Error: UPGRADE FAILED: "nosuch" has no deployed releases\n'
    assert refused("status", "nosuch") == "Error: release: not found\n"
    cluster.helm("uninstall", "r", "--keep-history", "-n", namespace)
    assert revisions(cluster, namespace) == [("uninstalled", "Uninstallation complete")]
    cluster.helm("rollback", "r", "1", "-n", namespace)
    assert cluster.kubectl("get", "cm", "r", "-n", namespace, "-o", "jsonpath={.data.greeting}") == "hello"


def test_charts_are_checked_before_they_are_used(cluster, tmp_path):
    assert cluster.helm("lint", CHART).endswith("1 chart(s) linted, 0 chart(s) failed\n")
    for file in Path(CHART).rglob("*.*"):
        copy = tmp_path / "tiny" / file.relative_to(CHART)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(file.read_text().replace(".Values.greeting", ".Values.nosuch.greeting"))
    wrong = cluster.run("helm", "lint", str(tmp_path / "tiny"), check=False)
    assert wrong.returncode == 1
    assert "nil pointer evaluating interface {}.greeting" in wrong.stdout


@pytest.fixture
def packages(cluster, tmp_path) -> Path:
    """A folder with two versions of a chart as archives."""
    for version in ("0.1.0", "0.2.0"):
        cluster.helm("package", CHART, "--version", version, "-d", str(tmp_path))
    return tmp_path


def test_a_chart_from_an_http_repository(cluster, namespace, packages):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(packages)))
    url = f"http://127.0.0.1:{server.server_port}"
    cluster.helm("repo", "index", str(packages), "--url", url)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        assert cluster.helm("repo", "add", "lab", url) == '"lab" has been added to your repositories\n'
        found = json.loads(cluster.helm("search", "repo", "lab/tiny", "--versions", "-o", "json"))
        assert [entry["version"] for entry in found] == ["0.2.0", "0.1.0"]
        cluster.helm("install", "r", "lab/tiny", "--version", "0.1.0", "-n", namespace)
        cluster.helm("upgrade", "r", "lab/tiny", "-n", namespace)
        missing = cluster.run("helm", "install", "x", "lab/tiny", "--version", "9.9.9", check=False)
        assert "no chart version found for tiny-9.9.9" in missing.stderr
    finally:
        cluster.helm("repo", "remove", "lab")
        server.shutdown()
        server.server_close()
    listed = json.loads(cluster.helm("history", "r", "-n", namespace, "-o", "json"))
    assert [entry["chart"] for entry in listed] == ["tiny-0.1.0", "tiny-0.2.0"]


class Quiet(SimpleHTTPRequestHandler):
    """Logs nothing."""

    def log_message(self, format: str, *args: object) -> None: ...


def test_a_chart_from_an_oci_registry(cluster, namespace, packages):
    plain = "--plain-http"
    with registry.running() as there:
        for version in ("0.1.0", "0.2.0"):
            cluster.helm("push", str(packages / f"tiny-{version}.tgz"), f"{there.url}/charts", plain)
        chart = f"{there.url}/charts/tiny"
        assert "version: 0.2.0" in cluster.helm("show", "chart", chart, plain)
        cluster.helm("install", "r", chart, "--version", "0.1.0", "-n", namespace, plain)
        cluster.helm("upgrade", "--install", "r", chart, "-n", namespace, plain)
        missing = cluster.run(
            "helm", "pull", f"{there.url}/charts/nosuch", plain, "--version", "1.0.0", check=False
        )
        assert missing.stderr.endswith("charts/nosuch:1.0.0: not found\n")
    listed = json.loads(cluster.helm("history", "r", "-n", namespace, "-o", "json"))
    assert [entry["chart"] for entry in listed] == ["tiny-0.1.0", "tiny-0.2.0"]
