"""From a bare checkout to a working lab: ``python3 -m raglab.bootstrap COMMAND``.

Runs on the machine's own Python with the standard library only. It creates ``.venv``, installs the pins of
``requirements.txt``, and hands over to ``.venv/bin/raglab COMMAND``. Each step leaves a stamp, so an interrupted
installation goes on where it stopped and a finished one costs nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
REQUIREMENTS = CHECKOUT / "requirements.txt"
DISK_NEEDED_GB = 4  # 2 GB installed, plus the downloads while pip unpacks them


def fail(what: str, remedy: str) -> None:
    """End with one message that says what is wrong and what to do."""
    sys.exit(f"raglab: {what}\n        {remedy}")


def check_machine() -> None:
    """Refuse early what would fail late."""
    if sys.version_info < (3, 11):  # noqa: UP036  (this file runs on whatever Python the machine has)
        version = ".".join(map(str, sys.version_info[:3]))
        fail(f"Python 3.11 or newer is needed, this is {version}.", "Try: make lab PYTHON=python3.11")
    free = shutil.disk_usage(CHECKOUT).free / 1e9
    if not VENV.exists() and free < DISK_NEEDED_GB:
        fail(
            f"{free:.1f} GB of disk are free, {DISK_NEEDED_GB} GB are needed.",
            "Free some space and try again.",
        )
    if not os.access(CHECKOUT, os.W_OK):
        fail(f"{CHECKOUT} is not writable.", "Clone the repository into a folder of your own.")


def create_venv() -> None:
    """An empty virtual environment beside the sources."""
    if (VENV / "bin" / "pip").exists():
        return
    print("raglab: creating .venv", flush=True)
    shutil.rmtree(VENV, ignore_errors=True)
    result = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True)
    if result.returncode:
        shutil.rmtree(VENV, ignore_errors=True)
        fail(
            "Python could not create a virtual environment.", "On Debian and Ubuntu: apt install python3-venv"
        )


def show_progress(done: int, total: int, note: str, started: float) -> None:
    """One line that is rewritten on a terminal, and a line per tenth elsewhere."""
    share = min(done / total, 1.0)
    text = f"{'#' * int(30 * share):30} {100 * share:3.0f} %  {time.monotonic() - started:3.0f} s  {note}"
    if sys.stdout.isatty():
        print(f"\r\033[Kraglab: installing [{text:.70}", end="", flush=True)
    elif done % max(total // 10, 1) == 0:
        print(f"raglab: installing [{text}", flush=True)


def pip_install(arguments: list[str], total: int) -> None:
    """Run pip with a progress line (`total` = number of packages); on failure show the end of what it said."""
    command = [str(VENV / "bin" / "pip"), "install", "--disable-pip-version-check", *arguments]
    environment = os.environ | {"PIP_CACHE_DIR": str(VENV / "downloads"), "PYTHONUNBUFFERED": "1"}
    started, seen, tail = time.monotonic(), 0, []
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        for line in pip.stdout or ():
            tail = [*tail[-19:], line]
            if line.startswith("Collecting"):
                seen += 1
                show_progress(seen, 2 * total, line.split()[1], started)
            elif line.startswith("Installing collected"):
                show_progress(total, 2 * total, "unpacking, about half a minute", started)
    if pip.returncode:
        print("".join(tail))
        fail(
            "pip could not install the packages (its last lines are above).",
            "Run the same command again: it resumes.",
        )
    print(
        f"{chr(10) if sys.stdout.isatty() else ''}raglab: installed in {time.monotonic() - started:.0f} s",
        flush=True,
    )


def install() -> None:
    """Bring ``.venv`` in line with ``requirements.txt``; a stamp tells when that was done already."""
    pins = [line for line in REQUIREMENTS.read_text().splitlines() if line and not line.startswith("#")]
    digest = hashlib.sha256("\n".join([*pins, str(CHECKOUT), sys.version]).encode()).hexdigest()
    stamp = VENV / "installed"
    if stamp.exists() and stamp.read_text() == digest:
        return
    print(f"raglab: installing {len(pins)} packages, about 1.7 GB, one to five minutes", flush=True)
    # Complete pins without dependencies: what is listed arrives, and nothing else.
    pip_install(["--no-deps", "-r", str(REQUIREMENTS)], len(pins))
    pip_install(["--no-deps", "--no-build-isolation", "--quiet", "-e", str(CHECKOUT)], 1)
    shutil.rmtree(VENV / "downloads", ignore_errors=True)
    stamp.write_text(digest)


def main() -> None:
    check_machine()
    try:
        create_venv()
        install()
    except KeyboardInterrupt:
        sys.exit("\nraglab: stopped; run the same command again to go on")
    raglab = str(VENV / "bin" / "raglab")
    os.execv(raglab, [raglab, *sys.argv[1:]])


if __name__ == "__main__":
    main()
