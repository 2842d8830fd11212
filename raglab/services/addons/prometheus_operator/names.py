"""Names of what the operator makes for a Prometheus, and where its pod finds the files."""

from __future__ import annotations

SERVICE = "prometheus-operated"
CONFIG_KEY = "prometheus.yaml.gz"
CONFIG_FOLDER, OUT_FOLDER = "/etc/prometheus/config", "/etc/prometheus/config_out"
CONFIG_FILE = f"{OUT_FOLDER}/prometheus.env.yaml"
RULES_FOLDER = "/etc/prometheus/rules"


def prefixed(name: str) -> str:
    """StatefulSet and configuration Secret of the Prometheus `name`."""
    return f"prometheus-{name}"


def rules(name: str) -> str:
    """ConfigMap with the rule files."""
    return f"prometheus-{name}-rulefiles-0"


def rules_folder(name: str) -> str:
    """Where the pod finds them."""
    return f"{RULES_FOLDER}/{rules(name)}"


def database(name: str) -> str:
    """Volume with the series."""
    return f"prometheus-{name}-db"
