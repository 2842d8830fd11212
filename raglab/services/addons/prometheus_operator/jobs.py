"""Scrape jobs: one for each endpoint of a ServiceMonitor or PodMonitor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from raglab.services.addons.prometheus_operator import relabeling
from raglab.services.addons.prometheus_operator.relabeling import constant, copy, sanitised, unless_empty

Object = dict[str, Any]
_META = "__meta_kubernetes"
SETTINGS = {
    "interval": "scrape_interval", "scrapeTimeout": "scrape_timeout", "path": "metrics_path", "params": "params",
    "scheme": "scheme", "proxyUrl": "proxy_url", "bearerTokenFile": "bearer_token_file",
    "followRedirects": "follow_redirects", "enableHttp2": "enable_http2",
}  # fmt: skip
"""Fields of an endpoint that Prometheus knows under another name."""
LIMITS = {
    "sampleLimit": "sample_limit", "targetLimit": "target_limit", "labelLimit": "label_limit",
    "labelNameLengthLimit": "label_name_length_limit", "labelValueLengthLimit": "label_value_length_limit",
}  # fmt: skip
TLS = {
    "insecureSkipVerify": "insecure_skip_verify", "serverName": "server_name", "caFile": "ca_file",
    "certFile": "cert_file", "keyFile": "key_file",
}  # fmt: skip


def of_service_monitor(monitor: Object) -> Iterator[Object]:
    """Scrape configurations for the pods behind the Services that a monitor selects."""
    spec = monitor["spec"]
    for number, endpoint in enumerate(spec.get("endpoints") or ()):
        steps = [
            copy("job", "__tmp_prometheus_job_name"),
            *relabeling.of_selector(spec.get("selector") or {}, "service"),
            *relabeling.of_port(endpoint, f"{_META}_endpoint_port_name"),
            *relabeling.node_and_pod(),
            copy(f"{_META}_namespace", "namespace"),
            copy(f"{_META}_service_name", "service"),
            copy(f"{_META}_pod_name", "pod"),
            copy(f"{_META}_pod_container_name", "container"),
            *relabeling.running_only(endpoint),
            *_taken_over(spec.get("targetLabels"), "service"),
            *_taken_over(spec.get("podTargetLabels"), "pod"),
            {**copy(f"{_META}_service_name", "job"), "replacement": "${1}"},
            *_job_label(spec, "service"),
            *relabeling.endpoint_label(endpoint),
        ]
        yield _job("serviceMonitor", "endpoints", monitor, number, endpoint, steps)


def of_pod_monitor(monitor: Object) -> Iterator[Object]:
    """Scrape configurations for the pods that a monitor selects."""
    spec, meta = monitor["spec"], monitor["metadata"]
    for number, endpoint in enumerate(spec.get("podMetricsEndpoints") or ()):
        steps = [
            copy("job", "__tmp_prometheus_job_name"),
            *relabeling.running_only(endpoint),
            *relabeling.of_selector(spec.get("selector") or {}, "pod"),
            *relabeling.of_port(endpoint, f"{_META}_pod_container_port_name"),
            copy(f"{_META}_namespace", "namespace"),
            copy(f"{_META}_pod_container_name", "container"),
            copy(f"{_META}_pod_name", "pod"),
            *_taken_over(spec.get("podTargetLabels"), "pod"),
            constant("job", f"{meta['namespace']}/{meta['name']}"),
            *_job_label(spec, "pod"),
            *relabeling.endpoint_label(endpoint),
        ]
        yield _job("podMonitor", "pod", monitor, number, endpoint, steps)


def _job(kind: str, role: str, monitor: Object, number: int, endpoint: Object, steps: list[Object]) -> Object:
    spec, meta = monitor["spec"], monitor["metadata"]
    discovery: Object = {"role": role}
    if (places := _namespaces(spec, meta["namespace"])) is not None:
        discovery["namespaces"] = {"names": places}
    job = {
        "job_name": f"{kind}/{meta['namespace']}/{meta['name']}/{number}",
        "honor_labels": bool(endpoint.get("honorLabels")),
        "kubernetes_sd_configs": [discovery],
    }
    if "honorTimestamps" in endpoint:
        job["honor_timestamps"] = endpoint["honorTimestamps"]
    job |= {name: endpoint[field] for field, name in SETTINGS.items() if field in endpoint}
    job |= {name: spec[field] for field, name in LIMITS.items() if field in spec}
    if tls := endpoint.get("tlsConfig"):
        job["tls_config"] = {name: tls[field] for field, name in TLS.items() if field in tls}
    job["relabel_configs"] = [
        *steps,
        *relabeling.own(endpoint.get("relabelings")),
        *relabeling.sharded(),
    ]
    if own := relabeling.own(endpoint.get("metricRelabelings")):
        job["metric_relabel_configs"] = own
    return job


def _namespaces(spec: Object, home: str) -> list[str] | None:
    """Namespaces to look in; None for all."""
    selector = spec.get("namespaceSelector") or {}
    return None if selector.get("any") else selector.get("matchNames") or [home]


def _taken_over(labels: list[str] | None, role: str) -> list[Object]:
    return [
        unless_empty(f"{_META}_{role}_label_{sanitised(label)}", sanitised(label)) for label in labels or ()
    ]


def _job_label(spec: Object, role: str) -> list[Object]:
    if not (label := spec.get("jobLabel")):
        return []
    return [unless_empty(f"{_META}_{role}_label_{sanitised(label)}", "job")]
