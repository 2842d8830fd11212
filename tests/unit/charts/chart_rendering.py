"""Render the charts with the real helm, once per set of arguments (rendering is pure, about 0.1 s)."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]

CONFIG = Path(__file__).parents[3] / "kubernetes-config"
CHARTS = ("nemollm-inference", "nemollm-embedding", "rag-app")
TARGETS = ("pocket", "minikube")


def run_helm(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the helm of this Python's environment; the caller judges the exit status."""
    helm = shutil.which("helm", path=str(Path(sys.executable).parent)) or shutil.which("helm")
    assert helm, "helm is missing: it comes with the package helm-binary"
    return subprocess.run([helm, *arguments], capture_output=True, text=True, timeout=60)


@cache
def _manifest(chart: str, release: str, *arguments: str) -> str:
    command = ["template", release, str(CONFIG / "charts" / chart), "--namespace", "rag-sample", *arguments]
    result = run_helm(*command)
    assert result.returncode == 0, result.stderr
    return result.stdout


def render(chart: str, *arguments: str, release: str = "") -> list[Object]:
    """Objects that `helm template` gives, with the chart's name as the release if no other is given."""
    manifest = _manifest(chart, release or chart, *arguments)
    return [document for document in yaml.safe_load_all(manifest) if document]


def values_file(target: str, chart: str) -> str:
    return str(CONFIG / "values" / target / f"{chart}.yaml")


def pick(objects: list[Object], kind: str, name: str) -> Object:
    return next(obj for obj in objects if obj["kind"] == kind and obj["metadata"]["name"] == name)
