"""Copies of a cluster's state: objects, the node's files and the pods' folders, taken while it stands still.

A copy is what a power failure at that moment would have left on the disk, which is what the store, PostgreSQL and
others are made to go on from. Files that have not changed since an older copy are shared with it (hard links), so many
copies of one cluster need little space; each is sealed with the checksums of its files.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from raglab.pocket.files import read_json, write_private

PARTS = ("store.sqlite", "store.sqlite-wal", "store.sqlite-version", "node", "pods")
"""What a snapshot has, relative to the state folder. Sockets and pipes are not copied: programs make them anew."""
SEAL = "seal.json"

Entry = tuple[int, int]
"""Size in bytes and time of the last change in nanoseconds: files that agree in both have not changed."""


class BrokenSnapshot(Exception):
    """A snapshot is not as it was sealed; the text names the first file that differs."""


class Known(NamedTuple):
    """An older copy that unchanged files are shared with: its folder, and its files by relative path."""

    folder: Path
    files: dict[str, list[Any]]


def copy(state: Path, folder: Path, older: Path | None = None) -> None:
    """Copy the state of a cluster that stands still into the new `folder`. Raises `OSError`."""
    known = _known(older)
    folder.mkdir(mode=0o700, parents=True)
    paths = list(_all(state))
    for path in paths:
        _copy_one(state / path, folder / path, str(path), known)
    for path in reversed(paths):  # last, for a folder may forbid its owner to write
        if (state / path).is_dir() and not (state / path).is_symlink():
            (folder / path).chmod((state / path).stat().st_mode)


def seal(folder: Path, older: Path | None = None) -> None:
    """Write down the checksum of every file. Those of shared files are known."""
    known, files = _known(older), {}
    for path in _files(folder):
        entry, before = _entry(folder / path), known.files.get(str(path)) if known else None
        same = before is not None and tuple(before[:2]) == entry
        files[str(path)] = [*entry, before[2] if before and same else _checksum(folder / path)]
    write_private(folder / SEAL, json.dumps(files).encode())


def verify(folder: Path) -> None:
    """Raise `BrokenSnapshot` unless every file is there and as it was sealed."""
    files: dict[str, list[Any]] | None = read_json(folder / SEAL, None)
    if files is None:
        raise BrokenSnapshot(f"{folder.name}: it was never sealed")
    for path, (size, _, checksum) in files.items():
        file = folder / path
        if not file.is_file() or file.stat().st_size != size or _checksum(file) != checksum:
            raise BrokenSnapshot(f"{folder.name}: {path} is not as it was")


def _all(state: Path) -> Iterator[Path]:
    """Every path of the parts, folders before what is in them, relative to `state`."""
    for part in PARTS:
        if (state / part).exists():
            yield Path(part)
        for folder, folders, files in os.walk(state / part):
            yield from (Path(folder, name).relative_to(state) for name in (*folders, *files))


def _files(folder: Path) -> Iterator[Path]:
    for path in _all(folder):
        if (folder / path).is_file() and not (folder / path).is_symlink():
            yield path


def _copy_one(source: Path, target: Path, path: str, known: Known | None) -> None:
    """One file (with its mode and times), link or folder; nothing else."""
    if source.is_symlink():
        target.symlink_to(source.readlink())
    elif source.is_dir():
        target.mkdir(mode=0o700)
    elif source.is_file():
        before = known.files.get(path) if known else None
        if known and before and tuple(before[:2]) == _entry(source):
            os.link(known.folder / path, target)
        else:
            shutil.copy2(source, target)


def _known(older: Path | None) -> Known | None:
    files = read_json(older / SEAL, None) if older else None
    return Known(older, files) if older and files is not None else None


def _entry(file: Path) -> Entry:
    found = file.stat()
    return found.st_size, found.st_mtime_ns


def _checksum(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
