"""A headless Chromium: the machine's own, or Debian's package unpacked beside this Python, without being root.

Debian's is resolved and fetched by the machine's own apt, from the machine's own package sources and proved by their
signatures; only its lists and downloads are kept in a folder of our own. The package is not pinned, because a browser's
version stays in the package sources for some weeks only.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

NAMES = ("chromium-headless-shell", "chromium", "google-chrome", "chromium-browser")
PACKAGE = "chromium-headless-shell"
FOLDER = Path(sys.prefix) / "browser"
LIMIT = 300  # seconds for one step of apt; the package and its libraries are about 95 MB
APT = "apt-get"


class NoBrowser(Exception):
    """There is none and none can be fetched; the message says why and what to do."""


@dataclass(frozen=True)
class Chromium:
    """A program and the variables that it needs."""

    program: Path
    environment: dict[str, str]


def find() -> Chromium:
    """The machine's own or the fetched one, which is fetched if need be; raises NoBrowser."""
    if found := next(filter(None, map(shutil.which, NAMES)), None):
        return Chromium(Path(found), {})
    with FOLDER.with_suffix(".lock").open("w") as lock:  # tests run side by side, and one fetches for all
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (FOLDER / "whole").exists():
            _fetch(FOLDER)
    libraries = sorted((FOLDER / "root/usr/lib").glob("*-linux-gnu"))
    path = [str(place) for folder in libraries for place in (folder, folder / "pulseaudio")]
    return Chromium(FOLDER / "root/usr/lib/chromium" / PACKAGE, {"LD_LIBRARY_PATH": ":".join(path)})


def _fetch(folder: Path) -> None:
    if not (shutil.which(APT) and shutil.which("dpkg-deb")):
        raise NoBrowser(f"no Chromium on the search path ({', '.join(NAMES)}), and no apt to fetch one")
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("state/lists/partial", "cache/archives/partial", "debs", "root"):
        (folder / part).mkdir(parents=True)
    options = _options(folder)
    _run(folder, APT, *options, "update")
    plan = _run(folder, APT, *options, "install", "--simulate", "--no-install-recommends", PACKAGE)
    wanted = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    _run(folder / "debs", APT, *options, "download", *wanted)
    for package in sorted((folder / "debs").glob("*.deb")):
        _run(folder, "dpkg-deb", "--extract", str(package), "root")
    for part in ("state", "cache", "debs"):
        shutil.rmtree(folder / part)
    (folder / "whole").touch()


def _options(folder: Path) -> list[str]:
    """apt reads the machine's sources, keys and list of installed packages, and writes only below `folder`."""
    settings = {
        "Dir::State": f"{folder}/state",
        "Dir::State::status": "/var/lib/dpkg/status",
        "Dir::Cache": f"{folder}/cache",
        "APT::Sandbox::User": "",
        "Debug::NoLocking": "1",
        "Acquire::Languages": "none",
    }
    return [word for name, value in settings.items() for word in ("-o", f"{name}={value}")]


def _run(place: Path, *command: str) -> str:
    environment = os.environ | {"LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, timeout=LIMIT)
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:]
        raise NoBrowser(
            f"Debian's Chromium cannot be had: {' '.join(words)}. Put a chromium on the search path."
        )
    return done.stdout
