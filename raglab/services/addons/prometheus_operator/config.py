"""The configuration file of a Prometheus, as the operator generates it."""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from typing import Any

import yaml

from raglab.services.addons.prometheus_operator import jobs
from raglab.services.addons.prometheus_operator.names import rules_folder

Object = dict[str, Any]
DEFAULT_INTERVAL = "30s"
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "y": 31536000}
_DURATION = re.compile(r"(\d+)(ms|[smhdwy])")


def render(
    prometheus: Object, services: Sequence[Object], pods: Sequence[Object], additional: str = ""
) -> Object:
    """The whole configuration, for monitors in order; `additional` is YAML text, a list of more scrape jobs."""
    spec, meta = prometheus["spec"], prometheus["metadata"]
    scrape = [job for monitor in services for job in jobs.of_service_monitor(monitor)]
    scrape += [job for monitor in pods for job in jobs.of_pod_monitor(monitor)]
    scrape += yaml.safe_load(additional) or [] if additional else []
    labels = {
        "prometheus": f"{meta['namespace']}/{meta['name']}",
        "prometheus_replica": "$(POD_NAME)",
    }
    timeout = {"scrape_timeout": spec["scrapeTimeout"]} if spec.get("scrapeTimeout") else {}
    return {
        "global": {
            "evaluation_interval": spec.get("evaluationInterval") or DEFAULT_INTERVAL,
            "scrape_interval": spec.get("scrapeInterval") or DEFAULT_INTERVAL,
            **timeout,
            "external_labels": labels | (spec.get("externalLabels") or {}),
        },
        "rule_files": [f"{rules_folder(meta['name'])}/*.yaml"],
        "scrape_configs": scrape,
    }


def packed(config: Object) -> bytes:
    """The file as it lies in the Secret: YAML, compressed, the same bytes for the same configuration."""
    return gzip.compress(yaml.dump(config, Dumper=_Plain, sort_keys=False).encode(), mtime=0)


class _Plain(yaml.SafeDumper):
    """Writes what occurs twice twice, instead of once and a reference to it."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def objection(monitor: Object, prometheus: Object) -> str:
    """Why a monitor cannot be used; empty if it can."""
    spec = monitor["spec"]
    for endpoint in [*(spec.get("endpoints") or ()), *(spec.get("podMetricsEndpoints") or ())]:
        interval = endpoint.get("interval") or prometheus["spec"].get("scrapeInterval") or DEFAULT_INTERVAL
        timeout = endpoint.get("scrapeTimeout")
        if timeout and seconds(timeout) > seconds(interval):
            return f'scrapeTimeout "{timeout}" greater than scrapeInterval "{interval}"'
        for step in [*(endpoint.get("relabelings") or ()), *(endpoint.get("metricRelabelings") or ())]:
            if problem := _bad_regex(step.get("regex", "")):
                return f"invalid regex {step['regex']!r} for relabel configuration: {problem}"
    return ""


def seconds(duration: str) -> float:
    """Seconds of a Prometheus duration such as ``1m30s``."""
    return sum(int(number) * _SECONDS[unit] for number, unit in _DURATION.findall(duration))


def _bad_regex(text: str) -> str:
    """Python and RE2 differ in corners only, and none of those is a mistake that people make."""
    try:
        re.compile(text)
    except re.error as error:
        return str(error)
    return ""
