"""Defaults of pod specs that depend on other fields, and what admission adds to new pods."""

from __future__ import annotations

import re
import secrets

from raglab.pocket.kinds.catalogue import Object
from raglab.pocket.kinds.paths import containers
from raglab.pocket.kinds.quantity import parse

TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
_TOKEN_SECONDS = 3607
"""An hour and a bit, so that it can be told from tokens that were asked for."""
_EVICTION_KEYS = ("node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")


def complete(spec: Object) -> None:
    """Every pod spec, also inside templates."""
    if spec.get("serviceAccount") and not spec.get("serviceAccountName"):
        spec["serviceAccountName"] = spec["serviceAccount"]
    if spec.get("serviceAccountName"):
        spec["serviceAccount"] = spec["serviceAccountName"]
    for volume in spec.get("volumes") or ():
        if volume.keys() <= {"name"}:
            volume["emptyDir"] = {}
    for _, container in containers(spec):
        if container.get("image") and not container.get("imagePullPolicy"):
            container["imagePullPolicy"] = pull_policy(container["image"])
        if spec.get("hostNetwork"):
            for port in container.get("ports") or ():
                port.setdefault("hostPort", port.get("containerPort"))


def pull_policy(image: str) -> str:
    """``latest``, said or implied, is pulled always; any other tag and every digest only if absent."""
    if "@" in image:
        return "IfNotPresent"
    tag = re.search(r":([^:/]+)$", image)
    return "IfNotPresent" if tag and tag[1] != "latest" else "Always"


def pod(obj: Object) -> None:
    """Pods only: what is limited and not requested is requested in full."""
    for _, container in containers(obj["spec"]):
        request_what_is_limited(container)


def classify(obj: Object) -> None:
    """The quality class of a pod follows from requests and limits."""
    obj.setdefault("status", {}).setdefault("qosClass", qos_class(obj["spec"]))


def request_what_is_limited(container: Object) -> None:
    """Who limits a resource and does not request it requests all of it."""
    resources = container.setdefault("resources", {})
    limits = resources.get("limits")
    if limits:
        resources["requests"] = dict(limits) | (resources.get("requests") or {})


def qos_class(spec: Object) -> str:
    """``Guaranteed`` if every container limits CPU and memory to what it requests, ``BestEffort`` if none asks."""
    asked = [
        _compute(container.get("resources") or {}) for name, container in containers(spec) if name[0] != "e"
    ]
    if not any(requests or limits for requests, limits in asked):
        return "BestEffort"
    same = all(limits.keys() == {"cpu", "memory"} and requests == limits for requests, limits in asked)
    return "Guaranteed" if same else "Burstable"


def _compute(resources: Object) -> tuple[Object, Object]:
    """Requests and limits of CPU and memory that are not zero."""

    def counted(listed: Object | None) -> Object:
        amounts = {name: parse((listed or {}).get(name, "0")) for name in ("cpu", "memory")}
        return {name: amount for name, amount in amounts.items() if amount}

    return counted(resources.get("requests")), counted(resources.get("limits"))


def admit(obj: Object) -> None:
    """New pods: service account and its token, priority, and how long a lost node is tolerated."""
    spec = obj["spec"]
    spec.setdefault("serviceAccountName", "default")
    spec["serviceAccount"] = spec["serviceAccountName"]
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    if spec.get("automountServiceAccountToken") is not False:
        _mount_token(spec)
    _tolerate(spec)


def _mount_token(spec: Object) -> None:
    """Mount the service account's token into every container that has nothing at that path."""
    lacking = [
        container
        for name, container in containers(spec)
        if name[0] != "e"
        and all(mount.get("mountPath") != TOKEN_PATH for mount in container.get("volumeMounts") or ())
    ]
    if not lacking:
        return
    name = "kube-api-access-" + "".join(secrets.choice(_SUFFIX_LETTERS) for _ in range(5))
    for container in lacking:
        mount = {"name": name, "readOnly": True, "mountPath": TOKEN_PATH}
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]
    spec["volumes"] = [*(spec.get("volumes") or ()), {"name": name, "projected": _token_sources()}]


def _token_sources() -> Object:
    namespace = {"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
    return {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": _TOKEN_SECONDS, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [namespace]}},
        ],
        "defaultMode": 420,
    }


def _tolerate(spec: Object) -> None:
    tolerations = spec.get("tolerations") or []
    for key in _EVICTION_KEYS:
        known = any(
            (not item.get("key") or item["key"] == key)
            and item.get("effect", "NoExecute") in ("", "NoExecute")
            for item in tolerations
        )
        if not known:
            added = {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
            tolerations = [*tolerations, added]
    spec["tolerations"] = tolerations
