"""Volumes made of small files (ConfigMap, Secret, downward API, projected), updated as the kubelet does it.

Files live in a folder with a time as its name; ``..data`` is a link to it and every visible name a link through
``..data``. An update writes a new folder and moves the one link, so a reader sees all old or all new files.
"""

from __future__ import annotations

import os
import posixpath
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from raglab.pocket.node.sources import MissingSource

DATA = "..data"


@dataclass(frozen=True, slots=True)
class Payload:
    """One file: its content and its permission bits."""

    data: bytes
    mode: int = 0o644


def safe_path(path: str) -> str:
    """A relative path that stays where it is put; refuses others although the API should have done so already."""
    clean = posixpath.normpath(path)
    if not path or clean.startswith(("/", "..")) or clean == ".":
        raise MissingSource(f"invalid path {path!r}: must be relative and must not contain '..'")
    return clean


def make_folder(folder: Path) -> None:
    """Make a folder and missing parents, open to read whatever the umask says: pods may run as another user."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(missing):
        path.mkdir()
        path.chmod(0o755)


def publish(folder: Path, payload: Mapping[str, Payload]) -> bool:
    """Make `folder` show exactly `payload` (path -> file); returns whether anything changed."""
    make_folder(folder)
    link = folder / DATA
    before = link.resolve() if link.is_symlink() else None
    if before is not None and before.is_dir() and _same(before, payload):
        return False
    fresh = Path(tempfile.mkdtemp(prefix="..", dir=folder))
    fresh.chmod(0o755)
    for path, file in payload.items():
        _write(fresh, path, file)
    staged = folder / "..data_tmp"
    staged.unlink(missing_ok=True)
    staged.symlink_to(fresh.name)
    staged.replace(link)
    _show(folder, {path.split("/")[0] for path in payload})
    if before is not None:
        shutil.rmtree(before, ignore_errors=True)
    return True


def _write(folder: Path, path: str, file: Payload) -> None:
    target = folder / path
    make_folder(target.parent)
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(file.data)
    target.chmod(file.mode)


def _show(folder: Path, names: set[str]) -> None:
    """One link per visible name, none for names that are gone."""
    for entry in folder.iterdir():
        if entry.is_symlink() and not entry.name.startswith("..") and entry.name not in names:
            entry.unlink()
    for name in names:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"{DATA}/{name}")


def _same(folder: Path, payload: Mapping[str, Payload]) -> bool:
    present = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    return present.keys() == payload.keys() and all(
        path.read_bytes() == payload[name].data and path.stat().st_mode & 0o777 == payload[name].mode
        for name, path in present.items()
    )
