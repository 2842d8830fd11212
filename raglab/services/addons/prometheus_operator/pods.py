"""The pods of a Prometheus: the server, and the reloader that hands it its configuration."""

from __future__ import annotations

from typing import Any

from raglab.services.addons.prometheus_operator import names

Object = dict[str, Any]
PORT, RELOADER_PORT = 9090, 8080
RELOADER_IMAGE = "quay.io/prometheus-operator/prometheus-config-reloader:v0.71.2"


def selector(name: str) -> dict[str, str]:
    """Labels of the pods of the Prometheus `name`."""
    return {
        "app.kubernetes.io/instance": name,
        "app.kubernetes.io/managed-by": "prometheus-operator",
        "app.kubernetes.io/name": "prometheus",
        "operator.prometheus.io/name": name,
        "operator.prometheus.io/shard": "0",
        "prometheus": name,
    }


def port_name(prometheus: Object) -> str:
    """Name of the web port."""
    return str(prometheus["spec"].get("portName") or "web")


def template(prometheus: Object) -> Object:
    """What each pod is made from."""
    spec, name = prometheus["spec"], prometheus["metadata"]["name"]
    volumes = [
        {"name": "config", "secret": {"secretName": names.prefixed(name)}},
        {"name": "config-out", "emptyDir": {}},
        {"name": names.rules(name), "configMap": {"name": names.rules(name)}},
    ]
    if not (spec.get("storage") or {}).get("volumeClaimTemplate"):
        volumes.append({"name": names.database(name), "emptyDir": {}})
    meta = spec.get("podMetadata") or {}
    annotations = {"kubectl.kubernetes.io/default-container": "prometheus"}
    return {
        "metadata": {
            "labels": (meta.get("labels") or {}) | selector(name),
            "annotations": annotations | (meta.get("annotations") or {}),
        },
        "spec": {
            "serviceAccountName": spec.get("serviceAccountName", "default"),
            "terminationGracePeriodSeconds": 600,
            "initContainers": [_reloader(prometheus, "init-config-reloader", once=True)],
            "containers": [_server(prometheus), _reloader(prometheus, "config-reloader", once=False)],
            "volumes": volumes,
        },
    }


def _server(prometheus: Object) -> Object:
    spec, name = prometheus["spec"], prometheus["metadata"]["name"]
    mounts = [
        {"name": "config-out", "mountPath": names.OUT_FOLDER, "readOnly": True},
        {"name": names.rules(name), "mountPath": names.rules_folder(name), "readOnly": True},
        {"name": names.database(name), "mountPath": "/prometheus"},
    ]
    return {
        "name": "prometheus",
        "image": spec.get("image") or f"quay.io/prometheus/prometheus:{spec.get('version', 'v2.53.3')}",
        "args": arguments(spec),
        "ports": [{"name": port_name(prometheus), "containerPort": PORT}],
        "startupProbe": _probe(prometheus, "ready", period=15, failures=60),
        "livenessProbe": _probe(prometheus, "healthy", period=5, failures=6),
        "readinessProbe": _probe(prometheus, "ready", period=5, failures=3),
        "resources": spec.get("resources") or {},
        "volumeMounts": mounts,
    }


def arguments(spec: Object) -> list[str]:
    """Arguments of Prometheus."""
    found = [
        "--web.console.templates=/etc/prometheus/consoles",
        "--web.console.libraries=/etc/prometheus/console_libraries",
        f"--config.file={names.CONFIG_FILE}",
        "--web.enable-lifecycle",
        f"--web.route-prefix={spec.get('routePrefix') or '/'}",
        f"--storage.tsdb.retention.time={spec.get('retention') or '24h'}",
        "--storage.tsdb.path=/prometheus",
        "--storage.tsdb.wal-compression",
    ]
    optional = {
        "externalUrl": "--web.external-url",
        "retentionSize": "--storage.tsdb.retention.size",
        "logLevel": "--log.level",
        "logFormat": "--log.format",
    }
    found += [f"{flag}={spec[field]}" for field, flag in optional.items() if spec.get(field)]
    return [*found, *(["--web.enable-admin-api"] if spec.get("enableAdminAPI") else [])]


def _probe(prometheus: Object, page: str, period: int, failures: int) -> Object:
    prefix = (prometheus["spec"].get("routePrefix") or "/").rstrip("/")
    return {
        "httpGet": {"path": f"{prefix}/-/{page}", "port": port_name(prometheus), "scheme": "HTTP"},
        "timeoutSeconds": 3,
        "periodSeconds": period,
        "failureThreshold": failures,
    }


def _reloader(prometheus: Object, name: str, once: bool) -> Object:
    """Unpacks the configuration and fills in the pod's name: once before the start, then at each change."""
    owner = prometheus["metadata"]["name"]
    prefix = prometheus["spec"].get("routePrefix") or "/"
    shared = [
        f"--listen-address=:{RELOADER_PORT}",
        f"--config-file={names.CONFIG_FOLDER}/{names.CONFIG_KEY}",
        f"--config-envsubst-file={names.CONFIG_FILE}",
        f"--watched-dir={names.rules_folder(owner)}",
    ]
    reload = f"--reload-url=http://127.0.0.1:{PORT}{prefix.rstrip('/')}/-/reload"
    container = {
        "name": name,
        "image": RELOADER_IMAGE,
        "args": [*shared, "--watch-interval=0"] if once else [*shared, reload],
        "env": [
            {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            {"name": "SHARD", "value": "0"},
        ],
        "volumeMounts": [
            {"name": "config", "mountPath": names.CONFIG_FOLDER},
            {"name": "config-out", "mountPath": names.OUT_FOLDER},
            {"name": names.rules(owner), "mountPath": names.rules_folder(owner)},
        ],
    }
    ports = [{"name": "reloader-web", "containerPort": RELOADER_PORT}]
    return container if once else container | {"ports": ports}
