"""Commands that only look: status, doctor, env, kubeconfig, check and the help texts."""

from __future__ import annotations

import socket

import pytest

from raglab.cli.app import COMMANDS
from tests.cli.lab import Lab
from tests.cli.test_pods_end import kubectl


def test_status_without_a_cluster_says_how_to_start(lab: Lab):
    assert "raglab up" in lab.run("status")


def test_status_on_a_narrow_terminal_cuts_no_name_and_names_what_waits(lab: Lab):
    lab.run("up")
    kubectl(lab, "run", "a-pod-with-a-long-name", "--image=registry.example.com/unknown:1")
    kubectl(
        lab, "wait", "pod/a-pod-with-a-long-name", "--timeout=30s",
        "--for=jsonpath={.status.containerStatuses[0].state.waiting.reason}",
    )  # fmt: skip
    kubectl(lab, "create", "service", "nodeport", "web", "--tcp=8080", "--node-port=30123")
    lab.extra["COLUMNS"] = "40"
    said = lab.run("status")
    assert "…" not in said
    assert any("a-pod-with-a-long-name  0/1" in line and "ImagePull" in line for line in said.splitlines()), (
        said
    )
    assert "kubectl describe pod a-pod-with-a-long-name -n default" in said
    lab.extra["COLUMNS"] = "120"
    said = lab.run("status")
    assert f"{lab.network.node_ip}:30123" in said
    assert "simulated: the four GPUs" in said
    assert f"Audit log   {lab.state}/log/audit.log" in said


def test_status_of_a_cluster_that_hangs(lab: Lab):
    lab.run("up")
    lab.cluster().suspend()
    said = lab.fails("status")
    lab.cluster().resume()
    assert "raglab down" in said


def test_doctor_has_a_line_per_point(lab: Lab):
    lab.extra["KUBECONFIG"] = "/somewhere/else"
    code, said = lab.finish(lab.begin("doctor"))
    lines = said.splitlines()
    assert all(line.startswith(("OK  ", "FAIL", "     Fix:")) for line in lines), said
    assert "your own KUBECONFIG" in said and "raglab env" in said
    points = (
        "Python",
        "disk",
        "memory",
        "kubectl and helm",
        "models",
        "state folder",
        "network",
        "separated",
    )
    for point in points:
        assert any(point in line for line in lines), point
    assert code == int("FAIL" in said)


@pytest.mark.parametrize("fault", ["port", "home", "models"])
def test_doctor_fails_with_the_fix(lab: Lab, fault: str):
    with socket.create_server((lab.network.node_ip, 0 if fault != "port" else 30005)):
        if fault == "home":
            lab.extra["RAGLAB_HOME"] = "/dev/null/lab"
        if fault == "models":
            lab.extra["RAGLAB_MODELS"] = str(lab.folder / "none")
        code, said = lab.finish(lab.begin("doctor"))
    assert code == 1 and "Traceback" not in said
    expected = {"port": "30005 is in use", "home": "Not a directory", "models": "raglab setup"}
    assert expected[fault] in said
    fails = [index for index, line in enumerate(said.splitlines()) if line.startswith("FAIL")]
    assert all("Fix:" in said.splitlines()[index + 1] for index in fails)


def test_env_points_a_shell_at_the_lab_and_keeps_the_users_exceptions(lab: Lab):
    lab.run("up")
    lab.extra["NO_PROXY"] = "intranet.example.com"
    said = lab.run("env")
    assert f"NO_PROXY=intranet.example.com,127.0.0.1,localhost,{lab.network.node_ip}" in said
    assert kubectl(lab, "config", "current-context") == "minikube\n"
    assert kubectl(lab, "get", "--raw", "/readyz") == "ok"


def test_kubeconfig_prints_its_path(lab: Lab):
    assert "raglab up writes it" in lab.run("kubeconfig")
    lab.run("up")
    assert lab.run("kubeconfig").strip() == str(lab.state / "kubeconfig")


def test_check_says_what_is_missing(lab: Lab):
    assert "raglab up" in lab.fails("check", "03.claims-bound")
    lab.run("up")
    code, said = lab.finish(lab.begin("check", "nonsense"))
    assert code == 1 and "There is no check 'nonsense'" in said
    code, said = lab.finish(lab.begin("check", "03.claims-bound"))
    assert code == 1 and "observed:" in said and "next:" in said


def test_unknown_target_is_explained(lab: Lab):
    lab.extra["RAGLAB_TARGET"] = "cloud"
    assert "pocket or minikube" in lab.fails("up")


def test_real_cluster_that_does_not_answer(lab: Lab):
    lab.extra |= {"RAGLAB_TARGET": "minikube", "KUBECONFIG": str(lab.folder / "missing")}
    for command in ("up", "env"):
        assert "RAGLAB_TARGET=pocket" in lab.fails(command)
    assert "not running" in lab.run("status")
    assert "Only the pocket cluster" in lab.fails("reset", "--yes")


def test_unknown_command(lab: Lab):
    code, said = lab.finish(lab.begin("start"))
    assert code == 2 and "No such command 'start'" in said


@pytest.mark.parametrize("name", [*COMMANDS, ""])
def test_help_explains_every_command(lab: Lab, name: str):
    said = lab.run(*([name] if name else []), "--help")
    assert "Usage:" in said and len(said.splitlines()) > 4


def test_nvidia_smi_shows_the_nodes_gpus_and_passes_exit_codes_on(lab: Lab):
    said = lab.run("nvidia-smi", "topo", "-m")
    assert "GPU3\tSYS\tSYS\tNV12\t X \t72-95" in said and "Simulated" in said
    code, said = lab.finish(lab.begin("nvidia-smi", "--query-gpu=nonsense", "--format=csv"))
    assert code == 2 and 'Field "nonsense" is not a valid field' in said


def test_nvidia_smi_of_a_real_cluster_is_the_machines_own(lab: Lab):
    lab.extra |= {"RAGLAB_TARGET": "minikube", "PATH": str(lab.folder)}
    assert "kubectl exec POD -- nvidia-smi" in lab.fails("nvidia-smi", "-L")
    tool = lab.folder / "nvidia-smi"
    tool.write_text('#!/bin/sh\necho "the real tool: $@"\nexit 6\n')
    tool.chmod(0o755)
    code, said = lab.finish(lab.begin("nvidia-smi", "-L"))
    assert (code, said.strip()) == (6, "the real tool: -L")
