"""Fetches and unpacks Debian packages without being root, and without naming a mirror.

The machine's own apt knows mirrors, proxies and certificates: it lists the package sources that it would use, whatever
file and format they stand in, and downloads by its own means. Files of a pool are the same on every mirror and in every
release, so a machine with Debian 12 can fetch packages of Debian 13. Formats: deb(5), apt-helper(1).
"""

from __future__ import annotations

import lzma
import os
import platform
import re
import shutil
import subprocess
import tarfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

APT_HELPER = "/usr/lib/apt/apt-helper"
SUITES = "stable|oldstable|testing|unstable|sid|bullseye|bookworm|trixie|forky"
"""Releases of Debian; a source with another name belongs to another distribution, whose pool has other files."""
_SOURCE = re.compile(rf"'((?!cdrom:)[^']+)/dists/(?:{SUITES})/main/binary-", re.MULTILINE)
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
_HEADER = 60  # bytes before each member of an ar archive: 16 of name, 10 of size from byte 48
INTERVAL = 0.1  # seconds between two looks at what has arrived

Report = Callable[[float], None]
"""Receives the finished share, 0 to 1."""


class DebianError(Exception):
    """Packages cannot be had from this machine's sources; the message says why."""


@dataclass(frozen=True)
class Package:
    """A pinned package: its place in the pool, size in bytes, and what is taken from it to where."""

    file: str
    size: int
    sha256: str
    members: Mapping[str, str]

    @property
    def name(self) -> str:
        return Path(self.file).name


def packages(entries: Sequence[Mapping[str, Any]]) -> list[Package]:
    """The packages for this machine. Raises `DebianError` on a processor for which there are none."""
    architecture = _ARCHITECTURES.get(platform.machine())
    if architecture is None:
        raise DebianError(f"there is no pinned package for a {platform.machine()} processor")
    found = []
    for entry in entries:
        pin = entry.get("all") or entry[architecture]
        file = entry["file"].format(architecture=architecture)
        found.append(Package(file, pin["size"], pin["sha256"], entry["members"]))
    return found


def mirrors() -> list[str]:
    """Addresses of the Debian mirrors that apt uses on this machine, without the slash at their end."""
    if not Path(APT_HELPER).exists():
        return []
    command = ["apt-get", "update", "--print-uris"]
    listed = subprocess.run(command, capture_output=True, text=True, env=_environment()).stdout
    return list(dict.fromkeys(_SOURCE.findall(listed)))


def fetch(wanted: Sequence[Package], folder: Path, report: Report) -> None:
    """Download what `folder` lacks, each file proved by its SHA-256; what arrived before is not fetched again.

    Raises `DebianError` with apt's own words when no mirror gives them.
    """
    said = "no Debian mirror is among this machine's package sources"
    for mirror in mirrors():
        command = [APT_HELPER, "-o", "Acquire::Retries=1", "download-file"]
        for package in wanted:
            command += [f"{mirror}/{package.file}", str(folder / package.name), f"SHA256:{package.sha256}"]
        code, said = _follow(command, lambda: report(_arrived(wanted, folder)))
        if code == 0:
            return
    raise DebianError(said)


def unpack(deb: Path, members: Mapping[str, str], target: Path) -> None:
    """Write the wanted files of a package below `target`; a name with a slash at its end is a whole folder."""
    missing = set(members)
    with deb.open("rb") as stream:
        _find_data(stream)
        with lzma.open(stream) as data, tarfile.open(fileobj=data, mode="r|") as files:
            for entry in files:
                wanted = next((name for name in members if _covers(name, entry.name)), None)
                if wanted is None or not entry.isfile():
                    continue
                place = target / (members[wanted] + entry.name.removeprefix("./").removeprefix(wanted))
                _write(files.extractfile(entry), place, entry.mode)
                missing.discard(wanted)
    if missing:
        raise DebianError(f"{deb.name} lacks {', '.join(sorted(missing))}")


def _covers(wanted: str, name: str) -> bool:
    plain = name.removeprefix("./")
    return plain == wanted or (wanted.endswith("/") and plain.startswith(wanted) and ".." not in plain)


def _write(content: Any, place: Path, mode: int) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("wb") as file:
        shutil.copyfileobj(content, file)
    place.chmod(0o755 if mode & 0o111 else 0o644)


def _find_data(stream: BinaryIO) -> None:
    """Move to the content of ``data.tar.xz``, the last member of the ar archive."""
    stream.seek(len(b"!<arch>\n"))
    while header := stream.read(_HEADER):
        if header.startswith(b"data.tar.xz"):
            return
        size = int(header[48:58])
        stream.seek(size + size % 2, os.SEEK_CUR)
    raise DebianError(f"{stream.name} has no data.tar.xz")


def _follow(command: Sequence[str], look: Callable[[], None]) -> tuple[int, str]:
    """Exit code of a command, and its last complaint; `look` is called while it runs."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=_environment()
    )
    try:
        while process.poll() is None:
            time.sleep(INTERVAL)
            look()
    finally:
        process.terminate()
        complaints = [line for line in process.communicate()[1].splitlines() if line.startswith("E: ")]
    return process.returncode, complaints[0].removeprefix("E: ") if complaints else "apt gave no reason"


def _arrived(wanted: Sequence[Package], folder: Path) -> float:
    files = [folder / package.name for package in wanted]
    there = sum(file.stat().st_size for file in files if file.exists())
    return min(there / sum(package.size for package in wanted), 1.0)


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8"}
