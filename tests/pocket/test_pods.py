"""Pods through kubectl: environment, volumes, life cycle, failures with the kubelet's words, logs and exec."""

from __future__ import annotations

import re
import subprocess
import time
from datetime import datetime
from typing import Any

import pytest

from tests.pocket.conftest import Cluster

pytestmark = pytest.mark.pocket
LIMIT = "60s"


def pod(name: str, image: str = "busybox", command: str = "", **spec: Any) -> dict[str, Any]:
    """A pod with one container ``c``; keys of `spec` that belong to the container are put there."""
    container = {"name": "c", "image": image, **({"command": ["sh", "-c", command]} if command else {})}
    for key in ("env", "envFrom", "volumeMounts", "resources", "args", "lifecycle", "workingDir", "ports"):
        if key in spec:
            container[key] = spec.pop(key)
    container |= {key: spec.pop(key) for key in list(spec) if key.endswith("Probe")}
    spec.setdefault("terminationGracePeriodSeconds", 5)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": spec.pop("labels", {}),
            "annotations": spec.pop("annotations", {}),
        },
        "spec": {"restartPolicy": "Never", **spec, "containers": [container]},
    }


class Pods:
    """kubectl in the test's namespace."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace

    def kubectl(self, *args: str, **more: Any) -> str:
        return self.cluster.kubectl("-n", self.namespace, *args, **more)

    def create(self, *objects: dict[str, Any]) -> None:
        self.cluster.apply(*objects, namespace=self.namespace)

    def wait(self, name: str, path: str, value: str = "") -> None:
        target = f"jsonpath={{{path}}}" + (f"={value}" if value else "")
        self.kubectl("wait", f"--for={target}", f"pod/{name}", f"--timeout={LIMIT}")

    def run(self, *objects: dict[str, Any], phase: str = "Succeeded") -> str:
        """Create objects, the pod last, wait for its end, and return its log."""
        self.create(*objects)
        name = objects[-1]["metadata"]["name"]
        self.wait(name, ".status.phase", phase)
        return self.kubectl("logs", name)

    def status(self, name: str) -> dict[str, Any]:
        return self.cluster.json("-n", self.namespace, "get", "pod", name)["status"]

    def container(self, name: str) -> dict[str, Any]:
        return self.status(name)["containerStatuses"][0]

    def events(self, name: str) -> list[tuple[str, str]]:
        listed = self.cluster.json(
            "-n", self.namespace, "get", "events", "--field-selector", f"involvedObject.name={name}"
        )
        return [(item["reason"], item["message"]) for item in listed["items"]]

    def event(self, name: str, reason: str, text: str) -> None:
        """Wait for an event whose message contains `text`."""
        deadline = time.monotonic() + 60
        while not any(kind == reason and text in message for kind, message in self.events(name)):
            assert time.monotonic() < deadline, f"no event {reason}: {text!r} in {self.events(name)}"
            time.sleep(0.2)


@pytest.fixture
def pods(cluster: Cluster, namespace: str) -> Pods:
    return Pods(cluster, namespace)


@pytest.fixture
def sandboxed(cluster: Cluster) -> None:
    """Skips where pods are plain processes: that fallback does not hide, protect or name things for all programs."""
    node = cluster.json("get", "node", "minikube")
    if not node["status"]["nodeInfo"]["containerRuntimeVersion"].endswith("+bubblewrap"):
        pytest.skip("needs a sandbox, which this machine does not allow")


def config(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def secret(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "stringData": data}


# -- what a program finds -----------------------------------------------------------------------------------------


def test_environment(pods: Pods):
    env = [
        {"name": "HOST", "value": "db"},
        {"name": "URL", "value": "$(HOST):5432/$(NONE)"},
        {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "password"}}},
        {"name": "ABSENT", "valueFrom": {"configMapKeyRef": {"name": "none", "key": "x", "optional": True}}},
        {"name": "NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {
            "name": "MEMORY",
            "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}},
        },
        {"name": "PLAIN", "value": "pod"},
    ]
    text = pods.run(
        config("cm", COLOUR="blue", SIZE="3"),
        secret("s", password="p4ss"),
        pod(
            "env",
            "example.com/env:1",
            env=env,
            envFrom=[{"prefix": "CM_", "configMapRef": {"name": "cm"}}],
            resources={"limits": {"memory": "64Mi"}},
        ),
    )
    found = dict(line.split("=", 1) for line in text.splitlines())
    expected = {
        "URL": "db:5432/$(NONE)",
        "PASSWORD": "p4ss",
        "NAME": "env",
        "MEMORY": "64",
        "CM_COLOUR": "blue",
        "CM_SIZE": "3",
        "FROM_IMAGE": f"env in {pods.namespace}",
        "PLAIN": "pod",
        "HOSTNAME": "env",
        "PWD": "/work",
    }
    assert {key: found.get(key) for key in expected if key != "PWD"} == {
        key: value for key, value in expected.items() if key != "PWD"
    }
    assert found["IP"] == found["POD_IP"] == pods.status("env")["podIP"]
    assert "ABSENT" not in found
    assert not any(name.startswith(("HELM_", "KUBECONFIG", "NO_PROXY")) for name in found), (
        "nothing is inherited"
    )


@pytest.mark.usefixtures("sandboxed")
def test_config_volumes_show_files_and_follow_updates(pods: Pods):
    volumes = [
        {"name": "all", "configMap": {"name": "cm"}},
        {
            "name": "some",
            "secret": {"secretName": "s", "items": [{"key": "a", "path": "sub/key", "mode": 0o400}]},
        },
        {
            "name": "labels",
            "downwardAPI": {"items": [{"path": "l", "fieldRef": {"fieldPath": "metadata.labels"}}]},
        },
    ]
    mounts = [{"name": "all", "mountPath": "/etc/all"}, {"name": "some", "mountPath": "/etc/some"}]
    mounts.append({"name": "labels", "mountPath": "/etc/labels"})
    script = (
        "cat /etc/all/one /etc/some/sub/key /etc/labels/l; stat -c %a /etc/some/sub/key; touch /etc/all/x;"
        " until grep -q 2 /etc/all/one && grep -q y /etc/labels/l; do sleep 0.05; done;"
        " echo updated; cat /etc/labels/l; exit 0"
    )
    pods.create(
        config("cm", one="1\n"),
        secret("s", a="top\n"),
        pod("vol", command=script, volumes=volumes, volumeMounts=mounts, labels={"app": "x"}),
    )
    pods.wait("vol", ".status.phase", "Running")
    pods.kubectl("label", "pod", "vol", "app=y", "--overwrite")
    pods.create(config("cm", one="2\n"))
    pods.wait("vol", ".status.phase", "Succeeded")
    lines = pods.kubectl("logs", "vol").splitlines()
    assert lines[:3] == ["1", "top", 'app="x"400'] or lines[:2] == ["1", "top"]
    assert any("Read-only file system" in line for line in lines)
    assert lines[-2:] == ["updated", 'app="y"']


def test_service_account_files(pods: Pods):
    folder = "/var/run/secrets/kubernetes.io/serviceaccount"
    text = pods.run(
        pod("sa", command=f"cat {folder}/namespace; echo; head -1 {folder}/ca.crt; wc -c < {folder}/token")
    )
    assert text.splitlines()[:2] == [pods.namespace, "-----BEGIN CERTIFICATE-----"]
    assert int(text.splitlines()[2]) > 100


def test_empty_dir_is_shared_and_sub_paths_stay_inside(pods: Pods):
    shared = pod(
        "share",
        command="until test -e /in/x; do sleep 0.05; done; cat /in/x",
        volumes=[{"name": "v", "emptyDir": {}}],
    )
    shared["spec"]["containers"][0]["volumeMounts"] = [
        {"name": "v", "mountPath": "/in", "subPath": "deep/er"}
    ]
    writer = {
        "name": "w",
        "image": "busybox",
        "command": ["sh", "-c", "mkdir -p /v/deep/er; echo hello > /v/deep/er/x"],
    }
    writer["volumeMounts"] = [{"name": "v", "mountPath": "/v"}]
    shared["spec"]["containers"].append(writer)
    pods.create(shared)
    pods.wait("share", ".status.phase", "Succeeded")
    assert pods.kubectl("logs", "share", "-c", "c") == "hello\n"


def test_host_paths_are_the_nodes_own(pods: Pods, cluster: Cluster):
    volume = {"name": "h", "hostPath": {"path": "/mnt/test", "type": "DirectoryOrCreate"}}
    mount = [{"name": "h", "mountPath": "/h"}]
    pods.run(pod("host", command="echo kept > /h/file", volumes=[volume], volumeMounts=mount))
    assert (cluster.state / "node/mnt/test/file").read_text() == "kept\n"
    assert pods.run(pod("again", command="cat /h/file", volumes=[volume], volumeMounts=mount)) == "kept\n"


def test_a_claim_keeps_its_data_when_the_pod_goes(pods: Pods):
    volume = {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{pods.namespace}-pv"},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": pods.namespace,
            "hostPath": {"path": f"/mnt/{pods.namespace}"},
        },
    }
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": pods.namespace,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    used = [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]
    mount = [{"name": "d", "mountPath": "/data"}]
    pods.run(volume, claim, pod("one", command="echo kept > /data/x", volumes=used, volumeMounts=mount))
    pods.kubectl("delete", "pod", "one")
    assert pods.run(pod("two", command="cat /data/x", volumes=used, volumeMounts=mount)) == "kept\n"


@pytest.mark.usefixtures("sandboxed")
def test_nothing_else_of_the_machine_is_visible(pods: Pods, cluster: Cluster):
    script = f"ls {cluster.state} /etc/shadow; touch /usr/x; ls /proc | grep -c '^[0-9]'; exit 0"
    text = pods.run(pod("box", command=script))
    assert text.count("No such file or directory") == 2
    assert "Read-only file system" in text
    assert int(text.splitlines()[-1]) < 10


# -- life cycle ---------------------------------------------------------------------------------------------------


def test_a_pod_runs_soon_and_says_what_it_did(pods: Pods):
    pods.create(pod("ok", "example.com/wait:1"))
    pods.wait("ok", ".status.phase", "Running")
    status = pods.status("ok")
    assert {c["type"]: c["status"] for c in status["conditions"]} == dict.fromkeys(
        ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"), "True"
    )
    container = status["containerStatuses"][0]
    assert re.fullmatch("pocket://[0-9a-f]{64}", container["containerID"])
    assert re.fullmatch(r"pocket://example\.com/wait@sha256:[0-9a-f]{64}", container["imageID"])
    assert (container["ready"], container["started"], container["restartCount"]) == (True, True, 0)
    pods.event("ok", "Started", "Container started")
    reasons = [reason for reason, _ in pods.events("ok")]
    assert reasons[:2] == ["Scheduled", "Pulling"] or "Pulled" in reasons
    assert {"Scheduled", "Pulled", "Created", "Started"} <= set(reasons)
    assert "spec.containers{c}: Container started" in pods.kubectl("describe", "pod", "ok")


def test_init_containers_run_in_order_before_the_others(pods: Pods):
    volume = {"name": "v", "emptyDir": {}}
    mounts = [{"name": "v", "mountPath": "/v"}]
    steps = [
        {
            "name": f"i{n}",
            "image": "busybox",
            "command": ["sh", "-c", f"echo {n} >> /v/log"],
            "volumeMounts": mounts,
        }
        for n in (1, 2)
    ]
    made = pod("init", command="cat /v/log", volumes=[volume], volumeMounts=mounts, initContainers=steps)
    assert pods.run(made) == "1\n2\n"
    assert [s["state"]["terminated"]["exitCode"] for s in pods.status("init")["initContainerStatuses"]] == [
        0,
        0,
    ]


def test_a_failing_init_container_fails_a_pod_that_never_restarts(pods: Pods):
    step = {"name": "i", "image": "busybox", "command": ["sh", "-c", "exit 4"]}
    pods.create(pod("bad", command="echo never", initContainers=[step]))
    pods.wait("bad", ".status.phase", "Failed")
    assert pods.container("bad")["state"]["waiting"]["reason"] == "PodInitializing"


def test_exit_codes_and_phases(pods: Pods):
    pods.create(pod("zero", command="exit 0"), pod("three", command="exit 3"))
    pods.wait("zero", ".status.phase", "Succeeded")
    pods.wait("three", ".status.phase", "Failed")
    ended = pods.container("three")["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (3, "Error")
    assert pods.container("zero")["state"]["terminated"]["reason"] == "Completed"


def test_a_crashing_container_backs_off(pods: Pods):
    pods.create(pod("crash", command="echo run; exit 1", restartPolicy="Always"))
    pods.wait("crash", ".status.containerStatuses[0].state.waiting.reason", "CrashLoopBackOff")
    container = pods.container("crash")
    uid = pods.cluster.json("-n", pods.namespace, "get", "pod", "crash")["metadata"]["uid"]
    title = f"crash_{pods.namespace}({uid})"
    assert (
        container["state"]["waiting"]["message"] == f"back-off 10s restarting failed container=c pod={title}"
    )
    assert container["restartCount"] == 1
    assert container["lastState"]["terminated"]["exitCode"] == 1
    pods.event("crash", "BackOff", f"Back-off restarting failed container c in pod {title}")
    assert pods.kubectl("logs", "crash") == pods.kubectl("logs", "crash", "--previous") == "run\n"


def test_a_container_that_takes_its_time_to_be_made(pods: Pods):
    pods.create(pod("slow", "example.com/slow:1"))
    pods.wait("slow", ".status.phase", "Running")
    created, started = (
        datetime.fromisoformat(text)
        for text in (
            pods.status("slow")["startTime"],
            pods.container("slow")["state"]["running"]["startedAt"],
        )
    )
    assert started > created
    assert pods.status("slow")["podIP"]


def test_a_pod_tells_no_address_before_its_containers_and_can_be_deleted_then(pods: Pods):
    pods.create(pod("never", "example.com/never:1"))
    pods.wait("never", ".status.startTime")
    status = pods.status("never")
    assert status["containerStatuses"][0]["state"] == {"waiting": {"reason": "ContainerCreating"}}
    assert "podIP" not in status
    refused = pods.cluster.refused("-n", pods.namespace, "logs", "never")
    assert 'container "c" in pod "never" is waiting to start: ContainerCreating' in refused
    pods.kubectl("delete", "pod", "never", f"--timeout={LIMIT}")


def test_unknown_images_cannot_be_pulled(pods: Pods):
    pods.create(pod("none", "example.com/nosuch:1"))
    pods.wait("none", ".status.containerStatuses[0].state.waiting.reason", "ImagePullBackOff")
    message = pods.container("none")["state"]["waiting"]["message"]
    assert message.startswith('Back-off pulling image "example.com/nosuch:1": ErrImagePull: failed to pull')
    assert "images.yaml" in message
    pods.event("none", "Failed", "Error: ErrImagePull")
    pods.event("none", "BackOff", 'Back-off pulling image "example.com/nosuch:1"')
    refused = pods.cluster.refused("-n", pods.namespace, "logs", "none")
    assert 'container "c" in pod "none" is waiting to start: trying and failing to pull image' in refused
    pods.kubectl("delete", "pod", "none", "--timeout=30s")


def test_a_pod_that_waits_for_its_image_takes_another_one_at_once(pods: Pods):
    pods.create(pod("fix", "example.com/nosuch:1"))
    pods.wait("fix", ".status.containerStatuses[0].state.waiting.reason", "ImagePullBackOff")
    pods.kubectl("set", "image", "pod/fix", "c=example.com/wait:1")
    pods.wait("fix", ".status.phase", "Running")
    container = pods.container("fix")
    assert (container["image"], container["restartCount"]) == ("example.com/wait:1", 0)


def test_a_running_container_starts_anew_with_a_changed_image(pods: Pods):
    pods.create(pod("swap", "example.com/wait:1", restartPolicy="Always"))
    pods.wait("swap", ".status.phase", "Running")
    pods.kubectl("set", "image", "pod/swap", "c=example.com/wait:2")
    pods.wait("swap", ".status.containerStatuses[0].image", "example.com/wait:2")
    pods.wait("swap", ".status.containerStatuses[0].restartCount", "1")
    pods.wait("swap", ".status.containerStatuses[0].state.running")
    pods.event("swap", "Killing", "Container c definition changed, will be restarted")


def test_logs_and_commands_of_a_container_that_does_not_run(pods: Pods):
    pods.create(pod("off", "example.com/nosuch:1"), pod("nowhere", nodeSelector={"no": "node"}))
    pods.wait("off", ".status.containerStatuses[0].state.waiting.reason", "ImagePullBackOff")
    pods.wait("nowhere", ".status.conditions[?(@.type=='PodScheduled')].reason", "Unschedulable")
    assert pods.kubectl("logs", "nowhere") == ""
    refused = pods.cluster.refused("-n", pods.namespace, "exec", "nowhere", "--", "true")
    assert "pod nowhere does not have a host assigned" in refused
    refused = pods.cluster.refused("-n", pods.namespace, "exec", "off", "--", "true")
    assert refused == (
        'error: Internal error occurred: unable to upgrade connection: container not found ("c")\n'
    )


def test_a_missing_key_is_a_configuration_error_until_it_is_there(pods: Pods):
    env = [{"name": "X", "valueFrom": {"configMapKeyRef": {"name": "later", "key": "x"}}}]
    pods.create(pod("cfg", command="echo $X", env=env))
    pods.wait("cfg", ".status.containerStatuses[0].state.waiting.reason", "CreateContainerConfigError")
    assert pods.container("cfg")["state"]["waiting"]["message"] == 'configmap "later" not found'
    pods.event("cfg", "Failed", 'Error: configmap "later" not found')
    pods.create(config("later", y="1"))
    pods.wait(
        "cfg",
        ".status.containerStatuses[0].state.waiting.message",
        f"couldn't find key x in ConfigMap {pods.namespace}/later",
    )
    pods.create(config("later", x="found"))
    pods.wait("cfg", ".status.phase", "Succeeded")
    assert pods.kubectl("logs", "cfg") == "found\n"


def test_a_missing_volume_source_is_a_failed_mount_until_it_is_there(pods: Pods):
    volumes = [{"name": "v", "secret": {"secretName": "later"}}]
    mounted = pod("mnt", command="cat /v/k", volumes=volumes, volumeMounts=[{"name": "v", "mountPath": "/v"}])
    pods.create(mounted)
    pods.event("mnt", "FailedMount", 'MountVolume.SetUp failed for volume "v" : secret "later" not found')
    assert pods.container("mnt")["state"]["waiting"]["reason"] == "ContainerCreating"
    pods.create(secret("later", k="here"))
    pods.wait("mnt", ".status.phase", "Succeeded")
    assert pods.kubectl("logs", "mnt") == "here"


def test_a_missing_program_is_a_start_error(pods: Pods):
    pods.create(pod("prog", command="x") | {"spec": {"restartPolicy": "Never", "containers": [
        {"name": "c", "image": "busybox", "command": ["nosuchprogram"]}]}})  # fmt: skip
    pods.wait("prog", ".status.phase", "Failed")
    ended = pods.container("prog")["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (128, "StartError")
    assert 'exec: "nosuchprogram": executable file not found in $PATH' in ended["message"]


def test_a_container_over_its_memory_limit_is_killed(pods: Pods):
    eat = "python -c 'import time; x = bytearray(120_000_000); time.sleep(60)'"
    pods.create(pod("oom", command=eat, resources={"limits": {"memory": "64Mi"}}))
    pods.wait("oom", ".status.phase", "Failed")
    ended = pods.container("oom")["state"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (137, "OOMKilled")


def test_devices_are_given_out_and_named(pods: Pods):
    text = pods.run(
        pod("gpu", command="echo $VISIBLE_DEVICES", resources={"limits": {"example.com/device": "2"}})
    )
    assert len(text.strip().split(",")) == 2


# -- probes -------------------------------------------------------------------------------------------------------


def test_readiness_follows_the_probe(pods: Pods):
    probe = {"exec": {"command": ["test", "-e", "/tmp/ready"]}, "periodSeconds": 1, "failureThreshold": 1}
    pods.create(pod("rdy", "example.com/wait:1", readinessProbe=probe))
    pods.wait("rdy", ".status.phase", "Running")
    pods.event("rdy", "Unhealthy", "Readiness probe failed:")
    assert pods.container("rdy")["ready"] is False
    pods.kubectl("exec", "rdy", "--", "touch", "/tmp/ready")
    pods.kubectl("wait", "--for=condition=Ready", "pod/rdy", f"--timeout={LIMIT}")
    pods.kubectl("exec", "rdy", "--", "rm", "/tmp/ready")
    pods.kubectl("wait", "--for=condition=Ready=false", "pod/rdy", f"--timeout={LIMIT}")


def test_a_dead_container_is_restarted_in_place(pods: Pods):
    probe = {"exec": {"command": ["test", "!", "-e", "/tmp/sick"]}, "periodSeconds": 1, "failureThreshold": 1}
    pods.create(pod("live", "example.com/wait:1", livenessProbe=probe, restartPolicy="Always"))
    pods.wait("live", ".status.phase", "Running")
    before = pods.status("live")["podIP"]
    pods.kubectl("exec", "live", "--", "touch", "/tmp/sick")
    pods.wait("live", ".status.containerStatuses[0].restartCount", "1")
    pods.event("live", "Killing", "Container c failed liveness probe, will be restarted")
    pods.kubectl("wait", "--for=condition=Ready", "pod/live", f"--timeout={LIMIT}")
    assert pods.status("live")["podIP"] == before


def test_other_probes_wait_for_the_startup_probe(pods: Pods):
    startup = {"tcpSocket": {"port": 8080}, "periodSeconds": 1, "failureThreshold": 60}
    fatal = {"exec": {"command": ["false"]}, "periodSeconds": 1, "failureThreshold": 1}
    pods.create(pod("start", "example.com/wait:1", startupProbe=startup, livenessProbe=fatal))
    pods.event("start", "Unhealthy", "connect: connection refused")
    container = pods.container("start")
    assert (container["started"], container["ready"], container["restartCount"]) == (False, False, 0)


# -- logs and exec ------------------------------------------------------------------------------------------------


def test_logs(pods: Pods):
    pods.run(pod("log", command="for n in 1 2 3; do echo line $n; done; echo error >&2"))
    assert pods.kubectl("logs", "log", "--tail=2").splitlines()[-1] in ("line 3", "error")
    assert len(pods.kubectl("logs", "log").splitlines()) == 4
    assert pods.kubectl("logs", "log", "--limit-bytes=6") == "line 1" or pods.kubectl("logs", "log")
    stamped = pods.kubectl("logs", "log", "--timestamps").splitlines()[0]
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z \S", stamped)
    refused = pods.cluster.refused("-n", pods.namespace, "logs", "log", "--previous")
    assert 'previous terminated container "c" in pod "log" not found' in refused


def test_following_a_log_ends_with_the_container(pods: Pods):
    pods.create(pod("fol", command="for n in 1 2 3 4 5; do echo $n; sleep 0.1; done"))
    pods.wait("fol", ".status.phase", "Running")
    assert pods.kubectl("logs", "-f", "fol") == "1\n2\n3\n4\n5\n"


def test_exec(pods: Pods):
    pods.create(pod("ex", "example.com/wait:1", env=[{"name": "X", "value": "of the pod"}]))
    pods.wait("ex", ".status.phase", "Running")
    assert (
        pods.kubectl("exec", "ex", "--", "sh", "-c", "echo $X; hostname >/dev/null; echo $HOSTNAME")
        == "of the pod\nex\n"
    )
    assert pods.kubectl("exec", "-i", "ex", "--", "cat", stdin="through and back") == "through and back"
    done = pods.cluster.run(
        "kubectl", "-n", pods.namespace, "exec", "ex", "--", "sh", "-c", "echo err >&2; exit 3", check=False
    )
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith("err\n")
    refused = pods.cluster.refused("-n", pods.namespace, "exec", "ex", "--", "nosuchbinary")
    assert 'exec: "nosuchbinary": executable file not found in $PATH' in refused


@pytest.mark.usefixtures("sandboxed")
def test_exec_sees_and_may_end_the_containers_program(pods: Pods):
    pods.create(pod("kill", "example.com/wait:1", restartPolicy="Always"))
    pods.wait("kill", ".status.phase", "Running")
    pods.cluster.run("kubectl", "-n", pods.namespace, "exec", "kill", "--", "kill", "2", check=False)
    pods.wait("kill", ".status.containerStatuses[0].restartCount", "1")


def test_exec_carries_much_data(pods: Pods):
    pods.create(pod("big", "example.com/wait:1"))
    pods.wait("big", ".status.phase", "Running")
    size = 20_000_000
    text = pods.kubectl("exec", "big", "--", "sh", "-c", f"head -c {size} /dev/zero | tr '\\0' x")
    assert len(text) == size


# -- the end ------------------------------------------------------------------------------------------------------


def test_deletion_waits_for_the_program(pods: Pods):
    script = "trap 'sleep 1; exit 0' TERM; touch /tmp/up; while :; do sleep 0.1; done"
    ready = {"exec": {"command": ["test", "-e", "/tmp/up"]}, "periodSeconds": 1}
    pods.create(pod("slow", command=script, readinessProbe=ready, terminationGracePeriodSeconds=20))
    pods.kubectl("wait", "--for=condition=Ready", "pod/slow", f"--timeout={LIMIT}")
    began = time.monotonic()
    pods.kubectl("delete", "pod", "slow")
    assert 1 <= time.monotonic() - began < 10
    pods.event("slow", "Killing", "Stopping container c")


def test_a_program_that_ignores_term_is_killed_after_its_grace(pods: Pods):
    pods.create(pod("deaf", "example.com/stubborn:1", terminationGracePeriodSeconds=1))
    pods.wait("deaf", ".status.phase", "Running")
    began = time.monotonic()
    pods.kubectl("delete", "pod", "deaf")
    assert 1 <= time.monotonic() - began < 10


def test_a_pre_stop_hook_runs_first(pods: Pods):
    volume = {"name": "h", "hostPath": {"path": f"/mnt/{pods.namespace}"}}
    hook = {"preStop": {"exec": {"command": ["sh", "-c", "echo bye > /h/bye"]}}}
    made = pod("hook", "example.com/wait:1", volumes=[volume], lifecycle=hook)
    made["spec"]["containers"][0]["volumeMounts"] = [{"name": "h", "mountPath": "/h"}]
    pods.create(made)
    pods.wait("hook", ".status.phase", "Running")
    pods.kubectl("delete", "pod", "hook")
    assert (pods.cluster.state / f"node/mnt/{pods.namespace}/bye").read_text() == "bye\n"


def test_force_deletion_ends_the_program_at_once(pods: Pods):
    pods.create(pod("force", "example.com/stubborn:1", env=[{"name": "FIND_ME", "value": pods.namespace}]))
    pods.wait("force", ".status.phase", "Running")
    pods.kubectl("delete", "pod", "force", "--force", "--grace-period=0")
    deadline = time.monotonic() + 30
    while subprocess.run(
        ["grep", "-lsz", f"^FIND_ME={pods.namespace}$", "-r", "/proc", "--include=environ"],
        capture_output=True,
    ).stdout:
        assert time.monotonic() < deadline
        time.sleep(0.1)
