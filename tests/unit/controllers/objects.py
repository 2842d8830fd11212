"""Objects as a user would write them."""


def _template(labels, image, annotations, **pod):
    container = {"name": "c", "image": image} | pod.pop("container", {})
    metadata = {"labels": labels} | ({"annotations": annotations} if annotations else {})
    return {"metadata": metadata, "spec": {"containers": [container]} | pod}


def _workload(kind, name, image, annotations, pod, spec):
    labels = {"app": name}
    template = _template(labels, image, annotations, **(pod or {}))
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"selector": {"matchLabels": labels}, "template": template} | spec,
    }


def deployment(name="web", image="a:1", annotations=None, pod=None, **spec):
    return _workload("Deployment", name, image, annotations, pod, spec)


def replica_set(name="rs", image="a:1", annotations=None, pod=None, **spec):
    return _workload("ReplicaSet", name, image, annotations, pod, spec)


def stateful_set(name="db", image="a:1", annotations=None, pod=None, **spec):
    return _workload("StatefulSet", name, image, annotations, pod, {"serviceName": name} | spec)


def daemon_set(name="agent", image="a:1", annotations=None, pod=None, **spec):
    return _workload("DaemonSet", name, image, annotations, pod, spec)


def job(name="once", annotations=None, pod=None, **spec):
    pod = {"restartPolicy": "Never"} | (pod or {})
    template = _template({}, "a:1", annotations, **pod)
    metadata = {"name": name, "namespace": "default"}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {"template": template} | spec,
    }


def pod(name="p", labels=None, annotations=None, requests=None, **spec):
    resources = {"resources": {"requests": requests, "limits": requests}} if requests else {}
    metadata = {
        "name": name,
        "namespace": "default",
        "labels": labels or {},
        "annotations": annotations or {},
    }
    container = {"name": "c", "image": "a:1"} | resources
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": {"containers": [container]} | spec,
    }


def service(name="web", ports=None, **spec):
    metadata = {"name": name, "namespace": "default", "labels": {"tier": "front"}}
    ports = ports or [{"port": 80, "targetPort": 8080}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata,
        "spec": {"selector": {"app": name}, "ports": ports} | spec,
    }


def volume(name="pv", size="5Gi", storage_class="manual", labels=None, **spec):
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "labels": labels or {}, "creationTimestamp": "2026-11-21T04:00:00Z"},
        "spec": {
            "capacity": {"storage": size},
            "accessModes": ["ReadWriteOnce"],
            "hostPath": {"path": f"/mnt/data/{name}"},
            "storageClassName": storage_class,
            "persistentVolumeReclaimPolicy": "Retain",
        }
        | spec,
    }


def claim(name="data", size="5Gi", storage_class="manual", **spec):
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": size}},
            "storageClassName": storage_class,
        }
        | spec,
    }
