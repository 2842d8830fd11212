"""Each sanitising pattern hides what may differ and nothing that must not."""

from __future__ import annotations

import configparser
import re
from pathlib import Path

import pytest

CONFIG = configparser.ConfigParser(interpolation=None)
CONFIG.read(Path(__file__).parent / "sanitize.cfg")
RULES = [(CONFIG[name]["regex"], CONFIG[name]["replace"]) for name in CONFIG.sections()]


def sanitized(text: str) -> str:
    for pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text)
    return text


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("minikube   Ready    1s    v1.36.2", "minikube   Ready    12m   v1.36.2"),
        ("minikube   Ready    119s  v1.36.2", "minikube   Ready    3h25m   v1.36.2"),
        ("ROLES           AGE   VERSION", "ROLES           AGE     VERSION"),
        ("nvidia-dcgm-exporter-rhksc   1/1", "nvidia-dcgm-exporter-2b8g6   1/1"),
        ("gpu-operator-5d57659dc4-txnct   1/1", "gpu-operator-5d57659dc4-b5d82   1/1"),
        ("at 2026-11-21T08:00:00Z", "at 2027-01-02T03:04:05Z"),
        ("2026-11-21 08:46:17.715 +0000 UTC deployed", "2026-11-22 09:06:01.2 +0000 UTC deployed"),
        ("8000,8005   30211,30005", "8000,8005   32767,30005"),
        ("kubectl v1.37.1, Helm v3.17.3", "kubectl v1.38.0, Helm v3.18.0"),
    ],
)
def test_may_differ(one: str, other: str) -> None:
    assert sanitized(one) == sanitized(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Ready    1s    v1.36.2", "NotReady    1s    v1.36.2"),
        ("query-router   NodePort   30081", "query-router   NodePort   30181"),
        ("query-router   NodePort   30081", "query-router   NodePort   30999"),
        ("frontend   NodePort   30001", "frontend   NodePort   30999"),
        ("nvidia-dcgm-exporter-rhksc   1/1", "nvidia-dcgm-exporter-rhksc   0/1"),
        ("nvidia-dcgm-exporter-rhksc   1/1", "nvidia-operator-validator-rhksc   1/1"),
        ("nemollm-inference-0   1/1", "nemollm-inference-1   1/1"),
        ("gpu-operator-5d57659dc4-txnct   1/1", "gpu-operator-74d5ddd7f-txnct   1/1"),
        ("AGE   VERSION", "AGE   NODE"),
        ("3 of 3 replicas ready", "2 of 3 replicas ready"),
        ("hit rate@4 0.76", "hit rate@4 0.70"),
        ("pgvector   5Gi", "pgvector   50Gi"),
        ("Kubernetes v1.36.2", "Kubernetes v1.35.0"),
    ],
)
def test_must_not_differ(one: str, other: str) -> None:
    assert sanitized(one) != sanitized(other)
