"""Copies of a cluster's state: objects, the node's files and the pods' folders, taken while it stands still.

A copy is what a power failure at that moment would have left on the disk, which is what the store, PostgreSQL and
others are made to go on from. Files that have not changed since an older copy are shared with it (hard links), so many
copies of one cluster need little space; each is sealed with the checksums of its files.
"""

# Strings: thousands of files are looked at while a cluster stands still, and a Path for each takes twice as long.
# ruff: noqa: PTH101, PTH102, PTH115, PTH123, PTH211

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


class BrokenSnapshot(Exception):
    """A snapshot is not as it was sealed; the text names the first file that differs."""


class Known(NamedTuple):
    """An older copy that unchanged files are shared with: its folder, and its files by relative path."""

    folder: Path
    files: dict[str, list[Any]]

    def checksum(self, path: str, size_and_time: tuple[int, int]) -> str:
        """That of a file which has not changed since: same size in bytes, same time in nanoseconds. Else empty."""
        size, changed, checksum = self.files.get(path, (0, 0, ""))
        return checksum if (size, changed) == size_and_time else ""


def copy(state: Path, folder: Path, older: Path | None = None) -> None:
    """Copy the state of a cluster that stands still into the new `folder`. Raises `OSError`."""
    known = _known(older)
    folder.mkdir(mode=0o700, parents=True)
    modes = []
    for path, entry in _all(state):
        _copy_one(entry, path, folder, known)
        if entry.is_dir(follow_symlinks=False):
            modes.append((f"{folder}/{path}", entry.stat().st_mode))
    for made, mode in reversed(modes):  # last, for a folder may forbid its owner to write
        os.chmod(made, mode)


def seal(folder: Path, older: Path | None = None) -> None:
    """Write down the checksum of every file. Those of shared files are known."""
    known, files = _known(older), {}
    for path, entry in _all(folder):
        if entry.is_file(follow_symlinks=False):
            size_and_time = _size_and_time(entry)
            checksum = known.checksum(path, size_and_time) or _checksum(entry.path)
            files[path] = [*size_and_time, checksum]
    write_private(folder / SEAL, json.dumps(files).encode())


def verify(folder: Path) -> None:
    """Raise `BrokenSnapshot` unless every file is there and as it was sealed."""
    files: dict[str, list[Any]] | None = read_json(folder / SEAL, None)
    if files is None:
        raise BrokenSnapshot(f"{folder.name}: it was never sealed")
    for path, (size, _, checksum) in files.items():
        file = folder / path
        if not file.is_file() or file.stat().st_size != size or _checksum(str(file)) != checksum:
            raise BrokenSnapshot(f"{folder.name}: {path} is not as it was")


def _all(state: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Every entry of the parts with its path relative to `state`, folders before what is in them."""
    with os.scandir(state) as entries:
        for entry in entries:
            if entry.name in PARTS:
                yield from _below(entry, entry.name)


def _below(entry: os.DirEntry[str], path: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    yield path, entry
    if entry.is_dir(follow_symlinks=False):
        with os.scandir(entry.path) as entries:
            for child in entries:
                yield from _below(child, f"{path}/{child.name}")


def _copy_one(entry: os.DirEntry[str], path: str, folder: Path, known: Known) -> None:
    """One file (with its mode and times), link or folder; nothing else."""
    target = f"{folder}/{path}"
    if entry.is_symlink():
        os.symlink(os.readlink(entry.path), target)
    elif entry.is_dir():
        os.mkdir(target, 0o700)
    elif entry.is_file():
        if known.checksum(path, _size_and_time(entry)):
            os.link(f"{known.folder}/{path}", target)
        else:
            shutil.copy2(entry.path, target)


def _known(older: Path | None) -> Known:
    files = read_json(older / SEAL, {}) if older else {}
    return Known(older or Path(), files)


def _size_and_time(entry: os.DirEntry[str]) -> tuple[int, int]:
    found = entry.stat()
    return found.st_size, found.st_mtime_ns


def _checksum(path: str) -> str:
    with open(path, "rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
