"""From a bare checkout to a working lab: ``python3 -m raglab.bootstrap COMMAND``.

Runs on the machine's own Python with the standard library only. It creates ``.venv``, installs the pins of
``requirements.txt``, and hands over to ``.venv/bin/raglab COMMAND``. Each step leaves a stamp, so an interrupted
installation goes on where it stopped and a finished one costs nothing.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

OLDEST, NEWEST = (3, 11), (3, 14)
"""Versions of Python for which every pinned package has a wheel."""
CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
REQUIREMENTS = CHECKOUT / "requirements.txt"
DISK_NEEDED_GB = 3  # 1.6 GB installed, plus the downloads while pip unpacks them
COLLECTING = 0.6  # share of the time that pip needs to download; the rest is unpacking
NOT_PINNED = {"pip", "raglab"}


class Stop(Exception):
    """Something a person must put right: what is wrong, and what to do."""


def check_machine() -> None:
    """Refuse early what would fail late."""
    if not OLDEST <= sys.version_info[:2] <= NEWEST:
        versions = [".".join(map(str, version)) for version in (OLDEST, NEWEST, sys.version_info[:3])]
        raise Stop(
            f"Python {versions[0]} to {versions[1]} is needed, this is {versions[2]}.",
            "Try: make lab PYTHON=python3.12",
        )
    free = shutil.disk_usage(CHECKOUT).free / 1e9
    if not VENV.exists() and free < DISK_NEEDED_GB:
        raise Stop(
            f"{free:.1f} GB of disk are free, {DISK_NEEDED_GB} GB are needed.",
            "Free some space and try again.",
        )
    if not os.access(CHECKOUT, os.W_OK):
        raise Stop(f"{CHECKOUT} is not writable.", "Clone the repository into a folder of your own.")


def lock() -> int:
    """Wait for another installation in this checkout; the kernel gives the lock back when this process ends."""
    folder = os.open(CHECKOUT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("raglab: waiting for another installation in this folder", flush=True)
        fcntl.flock(folder, fcntl.LOCK_EX)
    return folder


def create_venv() -> None:
    """An empty virtual environment beside the sources, made anew when the folder or Python has moved."""
    stamp, maker = VENV / "made-for", f"{CHECKOUT} {sys.base_prefix} {sys.version_info[:2]}"
    if stamp.exists() and stamp.read_text() == maker and PYTHON.exists():
        return
    print("raglab: creating .venv", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    result = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True)
    if result.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        raise Stop(
            "Python could not create a virtual environment.", "On Debian and Ubuntu: apt install python3-venv"
        )
    stamp.write_text(maker)


class Progress:
    """One line that is rewritten every second on a terminal, and a line per tenth elsewhere."""

    def __init__(self, total: int) -> None:
        self.total, self.collected, self.note, self.unpacking = total, 0, "", False
        self._started, self._shown, self._ended = time.monotonic(), -1, threading.Event()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Progress:
        self._ticker.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._ticker.join()
        if sys.stdout.isatty():
            print("\r\033[K", end="", flush=True)

    def follow(self, line: str) -> None:
        """Learn from a line of pip's output."""
        if line.startswith(("Collecting ", "Processing ")):
            self.collected += 1
            self.note = Path(line.split()[1]).name
        elif line.startswith("Installing collected"):
            self.unpacking, self.note = True, "unpacking"

    def share(self) -> float:
        """From 0 to 1. While pip unpacks it says nothing: count what has arrived."""
        done = len(installed()) if self.unpacking else self.collected
        part = min(done / self.total, 1.0)
        return COLLECTING + (1 - COLLECTING) * part if self.unpacking else COLLECTING * part

    def _tick(self) -> None:
        while not self._ended.wait(1.0):
            share, seconds = self.share(), time.monotonic() - self._started
            text = f"[{'#' * int(30 * share):30}] {100 * share:3.0f} %  {seconds:3.0f} s  {self.note:.30}"
            if sys.stdout.isatty():
                print(f"\r\033[Kraglab: {text}", end="", flush=True)
            elif int(10 * share) > self._shown:
                self._shown = int(10 * share)
                print(f"raglab: {text}", flush=True)


def pip(*arguments: str, progress: Progress | None = None) -> None:
    """Run pip in ``.venv``. Its downloads stay there until the installation is complete; raises `Stop`."""
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", *arguments]
    environment = {**os.environ, "PIP_CACHE_DIR": str(VENV / "downloads"), "PYTHONUNBUFFERED": "1"}
    said = []
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=CHECKOUT
    )
    try:
        for line in process.stdout or ():
            said.append(line)
            if progress:
                progress.follow(line)
        code = process.wait()
    finally:
        process.terminate()
        process.wait()
    if code:
        raise Stop(
            f"pip could not install the packages. It said:\n\n{''.join(said[-20:])}",
            "Run the same command again: it goes on where it stopped.",
        )


def installed() -> set[str]:
    """Names of the packages in ``.venv``, normalised as in PEP 503."""
    folders = VENV.glob("lib/python*/site-packages/*.dist-info")
    return {normal(folder.name.split("-")[0]) for folder in folders}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def install() -> None:
    """Bring ``.venv`` in line with ``requirements.txt``; a stamp tells when that was done already."""
    pins = [line.split("#")[0].strip() for line in REQUIREMENTS.read_text().splitlines()]
    pins = [pin for pin in pins if pin]
    digest, stamp = hashlib.sha256("\n".join(pins).encode()).hexdigest(), VENV / "installed"
    if stamp.exists() and stamp.read_text() == digest:
        return
    print(f"raglab: installing {len(pins)} packages, about 1.6 GB, one to five minutes", flush=True)
    started = time.monotonic()
    stamp.unlink(missing_ok=True)
    with Progress(len(pins)) as progress:
        # Complete pins without dependencies: what is listed arrives, and nothing else.
        options = ["--no-deps", "--only-binary=:all:"]
        pip("install", *options, "-r", str(REQUIREMENTS), progress=progress)
        pip("install", "--no-deps", "--no-build-isolation", "-e", str(CHECKOUT))
    surplus = installed() - {normal(pin.split("==")[0]) for pin in pins} - NOT_PINNED
    if surplus:
        pip("uninstall", "--yes", *sorted(surplus))
    shutil.rmtree(VENV / "downloads", ignore_errors=True)
    stamp.write_text(digest)
    size = sum(file.lstat().st_size for file in VENV.rglob("*") if not file.is_symlink()) / 1e9
    print(f"raglab: installed {size:.1f} GB in {time.monotonic() - started:.0f} s", flush=True)


def interrupt(*_: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Prepare, then become the ``raglab`` command."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        check_machine()
        lock()
        create_venv()
        install()
    except Stop as problem:
        what, remedy = problem.args
        sys.exit(f"raglab: {what}\n        {remedy}")
    except KeyboardInterrupt:
        print("\nraglab: stopped; run the same command again to go on", file=sys.stderr)
        sys.exit(130)
    raglab = str(VENV / "bin" / "raglab")
    os.execv(raglab, [raglab, *sys.argv[1:]])


if __name__ == "__main__":
    main()
