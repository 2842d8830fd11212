"""Volumes and claims through kubectl: binding, waiting, use by pods, protection, release."""

from __future__ import annotations

from typing import Any

import pytest

from tests.pocket.conftest import Cluster, eventually

pytestmark = pytest.mark.pocket
LIMIT = "--timeout=60s"


def volume(name: str, storage_class: str) -> dict[str, Any]:
    spec = {
        "storageClassName": storage_class,
        "capacity": {"storage": "5Gi"},
        "accessModes": ["ReadWriteOnce"],
        "hostPath": {"path": f"/mnt/data/{name}"},
    }
    return {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}


def claim(name: str, storage_class: str | None = None, size: str = "1Gi") -> dict[str, Any]:
    spec: dict[str, Any] = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}}
    spec |= {"storageClassName": storage_class} if storage_class else {}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": spec}


def user(name: str, of: str, command: str) -> dict[str, Any]:
    """A pod that runs a shell command with the claim `of` at /data."""
    container = {"name": "c", "image": "busybox", "command": ["sh", "-c", command]}
    container |= {"volumeMounts": [{"name": "data", "mountPath": "/data"}]}
    spec = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 5,
        "containers": [container],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": of}}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}


def wait(cluster: Cluster, namespace: str, target: str, phase: str) -> None:
    cluster.kubectl("-n", namespace, "wait", f"--for=jsonpath={{.status.phase}}={phase}", target, LIMIT)


def test_static_volume_keeps_its_data_and_is_released(cluster: Cluster, namespace: str) -> None:
    cluster.apply(volume(f"pv-{namespace}", namespace))
    cluster.apply(
        claim("data", namespace), user("writer", "data", "echo kept > /data/file"), namespace=namespace
    )
    wait(cluster, namespace, "pvc/data", "Bound")
    wait(cluster, namespace, "pod/writer", "Succeeded")
    reader = user("reader", "data", "cat /data/file; trap 'exit 0' TERM; sleep infinity & wait")
    cluster.apply(reader, namespace=namespace)
    wait(cluster, namespace, "pod/reader", "Running")
    assert (
        cluster.kubectl("-n", namespace, "get", "pv", f"pv-{namespace}", "--no-headers").split()[4] == "Bound"
    )
    cluster.kubectl("-n", namespace, "delete", "pvc", "data", "--wait=false")
    assert " Terminating " in cluster.kubectl("-n", namespace, "get", "pvc", "data")
    assert cluster.kubectl("-n", namespace, "logs", "reader") == "kept\n"
    cluster.kubectl("-n", namespace, "delete", "pod", "reader", "writer")
    cluster.kubectl("-n", namespace, "wait", "--for=delete", "pvc/data", LIMIT)
    wait(cluster, namespace, f"pv/pv-{namespace}", "Released")
    cluster.kubectl("delete", "pv", f"pv-{namespace}", LIMIT)


def test_claim_without_volume_waits_with_the_recorded_words(cluster: Cluster, namespace: str) -> None:
    cluster.apply(claim("data", "manual", "500Gi"), user("p", "data", "true"), namespace=namespace)
    cluster.apply(user("q", "nosuch", "true"), namespace=namespace)
    scheduled = "jsonpath={.status.conditions[?(@.type=='PodScheduled')].reason}=Unschedulable"
    cluster.kubectl("-n", namespace, "wait", f"--for={scheduled}", "pod/p", "pod/q", LIMIT)
    told = cluster.kubectl("-n", namespace, "describe", "pod", "p")
    assert "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found" in told
    told = cluster.kubectl("-n", namespace, "describe", "pod", "q")
    assert '0/1 nodes are available: persistentvolumeclaim "nosuch" not found. not found' in told
    told = cluster.kubectl("-n", namespace, "describe", "pvc", "data")
    assert 'persistentvolume-controller  storageclass.storage.k8s.io "manual" not found' in told
    cluster.apply(
        volume(f"late-{namespace}", "manual")
        | {"spec": volume("late", "manual")["spec"] | {"capacity": {"storage": "600Gi"}}}
    )
    wait(cluster, namespace, "pod/p", "Succeeded")
    cluster.kubectl("-n", namespace, "delete", "pod", "p", "q")
    cluster.kubectl("-n", namespace, "delete", "pvc", "data", LIMIT)
    cluster.kubectl("delete", "pv", f"late-{namespace}", LIMIT)


def test_default_class_provides_a_volume_and_removes_it_with_its_data(
    cluster: Cluster, namespace: str
) -> None:
    cluster.apply(claim("data"), user("writer", "data", "echo x > /data/file"), namespace=namespace)
    wait(cluster, namespace, "pod/writer", "Succeeded")
    folder = cluster.state / "node/tmp/hostpath-provisioner" / namespace / "data"
    assert (folder / "file").read_text() == "x\n"
    name = cluster.json("-n", namespace, "get", "pvc", "data")["spec"]["volumeName"]
    cluster.kubectl("-n", namespace, "delete", "pod", "writer")
    cluster.kubectl("-n", namespace, "delete", "pvc", "data", LIMIT)
    cluster.kubectl("wait", "--for=delete", f"pv/{name}", LIMIT)
    assert not folder.exists()


def test_a_link_in_a_volume_leads_nowhere(cluster, namespace):
    """An init container's links to the machine's files are not followed by what mounts the volume afterwards."""
    volume = {"name": "v", "mountPath": "/v"}
    escaping = {**volume, "subPath": "escape"}
    containers = [
        {"name": "c", "image": "busybox", "command": ["cat", "/v/hostname"], "volumeMounts": [escaping]}
    ]
    linking = {
        "name": "i",
        "image": "busybox",
        "command": ["ln", "-s", "/etc", "/v/escape"],
        "volumeMounts": [volume],
    }
    spec = {"restartPolicy": "Never", "initContainers": [linking], "containers": containers}
    spec |= {"volumes": [{"name": "v", "emptyDir": {}}]}
    cluster.apply(
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": spec}, namespace=namespace
    )
    where = ("get", "pod", "p", "-n", namespace, "-o", "jsonpath={.status.containerStatuses[0].state}")
    eventually(lambda: "leads out of its volume" in cluster.kubectl(*where))
    assert "terminated" not in cluster.kubectl(*where)
