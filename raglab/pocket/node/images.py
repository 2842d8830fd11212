"""Images: which program stands behind an image reference.

There is no registry. YAML catalogues, handed in by whoever starts the cluster, map patterns of references to programs
of this machine, with what an image would bring along: entry point, arguments, environment, working directory, and
read-only folders. The first entry that matches wins; a reference that none matches cannot be pulled, and the error
says where images come from.

A program of this machine runs at once. `creating` is for an image that shall not: so many seconds pass before each
start of a container, as they do where a runtime has to make one.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml


class UnknownImage(Exception):
    """No catalogue entry matches; the message is what a container runtime would report."""


@dataclass(frozen=True)
class Program:
    """An image, resolved for one container: all placeholders filled in."""

    reference: str
    digest: str
    entrypoint: tuple[str, ...] = ()
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    workdir: str = "/"
    path: tuple[str, ...] = ()
    mounts: Mapping[str, str] = field(default_factory=dict)
    size: int = 0
    creating: float = 0.0
    simulates: str = ""

    @property
    def image_id(self) -> str:
        """``pocket://repository@sha256:…``, the form container runtimes report."""
        return f"pocket://{repository(self.reference)}@sha256:{self.digest}"

    def command(self, container: Mapping[str, Any]) -> list[str]:
        """The pod's `command` replaces the entry point and drops its arguments; the pod's `args` replace those."""
        own = container.get("command")
        args = container.get("args") or ([] if own else self.args)
        return [*(own or self.entrypoint), *args]


@dataclass(frozen=True)
class Entry:
    """One catalogue entry as written, with the file it stands in."""

    patterns: tuple[str, ...]
    raw: Mapping[str, Any]
    source: Path


KEYS = {"images", "entrypoint", "args", "env", "workdir", "path", "mounts", "size", "creating", "simulates"}


class Images:
    """All catalogues of a cluster, in order."""

    def __init__(self, files: Iterable[Path], variables: Mapping[str, str]) -> None:
        self.files = tuple(files)
        self.entries = [entry for file in self.files for entry in _read(file)]
        self._variables = {"python": sys.executable, **variables}

    def find(self, reference: str) -> Entry:
        """The entry for an image reference, with or without registry and tag."""
        forms = {reference, *_full_forms(reference)}
        for entry in self.entries:
            if any(fnmatch.fnmatchcase(form, pattern) for pattern in entry.patterns for form in forms):
                return entry
        where = ", ".join("/".join(file.parts[-3:]) for file in self.files) or "no catalogue"
        raise UnknownImage(
            f'failed to pull and unpack image "{reference}": failed to resolve reference "{reference}": not found. '
            f"The pocket cluster pulls from no registry: its images are the entries of {where}"
        )

    def resolve(self, reference: str, **facts: str) -> Program:
        """The program behind `reference` for a container with these facts (pod_ip, pod_name, namespace)."""
        raw = self.find(reference).raw
        values = {**self._variables, **facts}

        def fill(text: Any) -> str:
            return _fill(str(text), values)

        return Program(
            reference=reference,
            digest=hashlib.sha256(
                json.dumps([_full_forms(reference)[-1], raw], default=str).encode()
            ).hexdigest(),
            entrypoint=tuple(map(fill, raw.get("entrypoint") or ())),
            args=tuple(map(fill, raw.get("args") or ())),
            env={key: fill(value) for key, value in (raw.get("env") or {}).items()},
            workdir=fill(raw.get("workdir") or "/"),
            path=tuple(map(fill, raw.get("path") or ())),
            mounts={fill(source): fill(target) for source, target in (raw.get("mounts") or {}).items()},
            size=int(raw.get("size") or 0),
            creating=float(raw.get("creating") or 0),
            simulates=raw.get("simulates") or "",
        )


def repository(reference: str) -> str:
    """A reference without tag and digest."""
    name = reference.split("@")[0]
    head, slash, last = name.rpartition("/")
    return f"{head}{slash}{last.split(':')[0]}"


def _full_forms(reference: str) -> list[str]:
    """Other spellings of a reference: with its default tag, and with Docker Hub's implied prefixes."""
    tagged = reference if reference != repository(reference) else f"{reference}:latest"
    first = tagged.split("/")[0]
    if "/" in tagged and ("." in first or ":" in first or first == "localhost"):
        return [tagged]
    return [tagged, f"docker.io/{tagged}" if "/" in tagged else f"docker.io/library/{tagged}"]


def _fill(text: str, values: Mapping[str, str]) -> str:
    """Replace ``{name}`` of known names only: other braces (JSON, shell) are left alone."""
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def _read(file: Path) -> list[Entry]:
    entries = yaml.safe_load(file.read_text()) or []
    for raw in entries:
        if unknown := raw.keys() - KEYS:
            raise ValueError(f"{file}: unknown keys {sorted(unknown)} in the entry for {raw.get('images')}")
    return [Entry(tuple(raw["images"]), raw, file) for raw in entries]
