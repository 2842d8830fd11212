"""Puts the models of the lab's model servers into one folder, from Python packages that carry them as plain
data.

The packages are only located, never imported: their code is not needed and need not be importable.
`models.yaml` pins every source by size and SHA-256. Each target is written beside its place and renamed, so
a file that exists is whole; a stamp next to it (`NAME.json`) records what it was made from, so `prepare`
repeats nothing and `check` sees damage.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

Report = Callable[[str, float], None]


class ModelError(Exception):
    """A model cannot be set up; the message says what is wrong and what to do about it."""


@dataclass(frozen=True)
class Source:
    """A file inside an installed Python package."""

    package: str
    file: str
    sha256: str
    size: int

    def path(self) -> Path:
        """Where the file lies, without importing its package. Raises ModelError when it is not installed."""
        spec = importlib.util.find_spec(self.package)
        folders = list(spec.submodule_search_locations or []) if spec else []
        for folder in folders:
            if (found := Path(folder) / self.file).is_file():
                return found
        raise ModelError(f"{self.file} of the Python package {self.package} is missing: run `make lab` again")


@dataclass(frozen=True)
class ModelFile:
    """One file of the model folder and what it is made from."""

    target: str
    source: Source
    convert: str = ""


@dataclass(frozen=True)
class Model:
    """A model as described in `models.yaml`."""

    name: str
    role: str
    stands_for: str
    licence: str
    publisher: str
    parameters: str
    context: int
    files: tuple[ModelFile, ...]
    dimensions: int = 0


@cache
def catalogue() -> tuple[Model, ...]:
    """All models of the lab."""
    document = yaml.safe_load(Path(__file__).with_name("models.yaml").read_text("utf-8"))
    return tuple(_model(entry) for entry in document["models"])


def model(role: str) -> Model:
    """The model of a role, `llm` or `embedding`."""
    return next(entry for entry in catalogue() if entry.role == role)


def prepare(folder: Path, report: Report) -> list[Path]:
    """Makes the model folder complete and returns its files; what is already there and whole is kept.

    `report` gets a line for people and the finished share of that step, 0 to 1. Safe to interrupt and to
    run twice at once: a second run waits for the first. Raises ModelError for a missing or altered source.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _locked(folder / ".lock"):
        return [_prepare_file(folder, entry, file, report) for entry in catalogue() for file in entry.files]


def check(folder: Path) -> list[str]:
    """What is wrong with the model folder, one line per file; an empty list means all models are whole."""
    return [problem for entry in catalogue() for file in entry.files if (problem := _problem(folder, file))]


def _model(entry: dict[str, Any]) -> Model:
    files = tuple(
        ModelFile(file["target"], Source(**file["source"]), file.get("convert", ""))
        for file in entry["files"]
    )
    return Model(**{**entry, "files": files})


def _prepare_file(folder: Path, entry: Model, file: ModelFile, report: Report) -> Path:
    target = folder / file.target
    if not _problem(folder, file):
        report(f"{entry.name}: {target.name} is there", 1.0)
        return target
    source = file.source.path()
    report(f"{entry.name}: verifying {source.name}", 0.0)
    if source.stat().st_size != file.source.size or sha256(source) != file.source.sha256:
        raise ModelError(
            f"{source} does not have the pinned SHA-256: reinstall the package {file.source.package}"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    _make(source, part, file.convert, lambda share: report(f"{entry.name}: writing {target.name}", share))
    _stamp(target).unlink(missing_ok=True)
    stamp = {"source_sha256": file.source.sha256, "sha256": sha256(part), "size": part.stat().st_size}
    part.replace(target)
    _write_stamp(_stamp(target), stamp)
    return target


def _make(source: Path, part: Path, convert: str, report: Callable[[float], None]) -> None:
    if convert == "q8_0":
        from raglab.services.requantise import to_q8_0  # numpy and gguf are needed only on the first set-up

        to_q8_0(source, part, report)
        return
    shutil.copyfile(source, part)
    report(1.0)


def _problem(folder: Path, file: ModelFile) -> str:
    target = folder / file.target
    if not target.is_file():
        return f"{target} is missing"
    try:
        stamp = json.loads(_stamp(target).read_text("utf-8"))
    except (OSError, ValueError):
        return f"{target} was not finished"
    if stamp.get("source_sha256") != file.source.sha256:
        return f"{target} was made from another version of its source"
    if stamp.get("size") != target.stat().st_size or stamp.get("sha256") != sha256(target):
        return f"{target} is damaged"
    return ""


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _stamp(target: Path) -> Path:
    return target.with_name(target.name + ".json")


def _write_stamp(path: Path, stamp: dict[str, Any]) -> None:
    part = path.with_name(path.name + ".part")
    part.write_text(json.dumps(stamp), "utf-8")
    part.replace(path)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Holds an exclusive lock that the system releases even if the process is killed."""
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
