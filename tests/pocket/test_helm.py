"""A release's whole life with the real helm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.pocket
CHART = str(Path(__file__).parent / "charts" / "tiny")


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
