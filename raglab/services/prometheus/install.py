"""Makes the folder with ``prometheus`` and ``promtool`` that pods run.

In this order: what ``$RAGLAB_PROMETHEUS`` names, an official release as archive or unpacked; a good enough one on the
search path; the packages of Debian 13, from the machine's own package sources. A record beside the programs says where
they lie and what they are; it is written last, so a folder with a record is whole.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

import yaml

from raglab.services.prometheus import debian

CATALOGUE = Path(__file__).with_name("packages.yaml")
OLDEST = (2, 45)
PROGRAMS = ("prometheus", "promtool")
DISCOVERY = "scrape_configs: [{job_name: pods, kubernetes_sd_configs: [{role: pod}]}]\n"
"""A configuration that a build without Kubernetes discovery refuses, as the one of Debian 12 does."""
NEWER_PAGE = Path(__file__).with_name("redirect.html")
"""The page for the addresses of the newer web interface, /graph and its like, which Debian leaves out."""
HELP = (
    "Get a release archive, prometheus-VERSION.linux-ARCHITECTURE.tar.gz, from the Prometheus download page, then: "
    "RAGLAB_PROMETHEUS=/path/to/archive.tar.gz raglab setup"
)

Report = Callable[[str, float], None]


class PrometheusError(Exception):
    """There is no usable Prometheus; the message says why."""


def place(home: Path) -> Path:
    """The folder that keeps the record: ``prometheus`` in the state folder.

    ``$RAGLAB_PROMETHEUS`` chooses another if it names neither an archive nor an unpacked release.
    """
    chosen = os.environ.get("RAGLAB_PROMETHEUS")
    return Path(chosen).absolute() if chosen and _given() is None else home / "prometheus"


def _given() -> Path | None:
    """The release that the user brought: an archive, or a folder with ``prometheus`` in it."""
    chosen = Path(os.environ.get("RAGLAB_PROMETHEUS") or "/nowhere").absolute()
    return chosen if chosen.is_file() or (chosen / "prometheus").is_file() else None


def programs(folder: Path) -> Path | None:
    """Where ``prometheus`` and ``promtool`` lie, or None while `folder` is not prepared."""
    try:
        found = Path(json.loads((folder / "record.json").read_text())["programs"])
    except (OSError, ValueError, KeyError):
        return None
    return found if all((found / name).is_file() for name in PROGRAMS) else None


def check(folder: Path) -> str:
    """What is wrong with the prepared Prometheus, or an empty string. The programs are run."""
    found = programs(folder)
    if found is None:
        return problem(folder) or "Prometheus is not set up"
    try:
        version(found)
    except PrometheusError as error:
        return str(error)
    return ""


def problem(folder: Path) -> str:
    """Why the last attempt to prepare `folder` failed; empty when it did not, or when there was none."""
    try:
        return (folder / "problem").read_text()
    except OSError:
        return ""


def is_current(folder: Path) -> bool:
    """Whether `folder` is prepared, and from the release that the user names now, if any."""
    try:
        record = json.loads((folder / "record.json").read_text())
    except (OSError, ValueError):
        return False
    given = _given()
    return programs(folder) is not None and (given is None or record.get("from") == _identity(given))


def prepare(folder: Path, report: Report) -> Path:
    """Make `folder` ready and return where the programs lie; what is there already is kept.

    `report` gets a line for people and the finished share. Safe to interrupt: downloads go on where they stopped.
    Raises `PrometheusError` when there is none to be had, and leaves the reason in the folder.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o755)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_current(folder):
            try:
                _record(folder, _from_user(folder, report) or _on_path() or _packaged(folder, report))
            except PrometheusError as error:
                (folder / "problem").write_text(str(error))
                raise
            (folder / "problem").unlink(missing_ok=True)
    found = programs(folder)
    assert found is not None
    return found


def version(found: Path) -> str:
    """The version of a usable Prometheus. Raises `PrometheusError` if it is too old, broken or cannot find pods."""
    said = _run(found / "prometheus", "--version")
    number = re.search(r"version (\d+)\.(\d+)\.(\d+)", said)
    if not number:
        raise PrometheusError(f"{found}/prometheus does not run: {said.strip()[:200]}")
    if (int(number[1]), int(number[2])) < OLDEST:
        raise PrometheusError(f"{found}/prometheus is {number[0]}; 2.45 or newer is needed")
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        file.write(DISCOVERY)
        file.flush()
        if "SUCCESS" not in (said := _run(found / "promtool", "check", "config", file.name)):
            raise PrometheusError(f"{found}/prometheus was built without Kubernetes discovery: {said[-200:]}")
    return number[0].removeprefix("version ")


def _run(program: Path, *arguments: str) -> str:
    try:
        done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stdout + done.stderr


def _from_user(folder: Path, report: Report) -> Path | None:
    given = _given()
    if given is None or given.is_dir():
        return given
    report(f"Unpacking {given.name}", 0.0)
    return _unpack_archive(given, folder / "release")


def _unpack_archive(archive: Path, target: Path) -> Path:
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    try:
        with tarfile.open(archive) as files:
            for entry in files:
                if entry.isfile() and (name := Path(entry.name).name) in PROGRAMS:
                    _take(files, entry, target / name)
    except (OSError, tarfile.TarError) as error:
        raise PrometheusError(f"{archive} is no release archive of Prometheus: {error}") from error
    version(target)
    return target


def _take(files: tarfile.TarFile, entry: tarfile.TarInfo, program: Path) -> None:
    """The content alone: `TarFile.extract` has its safe ``filter`` only since Python 3.11.4; Debian 12 has 3.11.2."""
    content = files.extractfile(entry)
    assert content is not None, "a regular file has content"
    with content, program.open("wb") as file:
        shutil.copyfileobj(content, file)
    program.chmod(0o755)


def _identity(release: Path) -> str:
    facts = release.stat()
    return f"{release} {facts.st_size} {facts.st_mtime_ns}"


def _on_path() -> Path | None:
    """A good enough installation of the machine, which then brings its own web pages."""
    found = shutil.which("prometheus")
    if found is None:
        return None
    try:
        version(Path(found).parent)
    except PrometheusError:
        return None
    return Path(found).parent


def _packaged(folder: Path, report: Report) -> Path:
    try:
        wanted = debian.packages(yaml.safe_load(CATALOGUE.read_text())["packages"])
        downloads = folder / "downloads"
        downloads.mkdir(exist_ok=True)
        debian.fetch(wanted, downloads, lambda share: report("Fetching Prometheus", 0.7 * share))
        return _unpack_packages(wanted, downloads, folder, report)
    except debian.DebianError as problem:
        raise PrometheusError(f"Prometheus could not be fetched: {problem}") from problem


def _unpack_packages(wanted: list[debian.Package], downloads: Path, folder: Path, report: Report) -> Path:
    new, target = folder / "new", folder / "debian"
    shutil.rmtree(new, ignore_errors=True)
    for number, package in enumerate(wanted):
        report("Unpacking Prometheus", 0.7 + 0.3 * number / len(wanted))
        debian.unpack(downloads / package.name, package.members, new)
    page = new / "web" / "static" / "react" / "index.html"
    page.parent.mkdir(parents=True)
    shutil.copyfile(NEWER_PAGE, page)
    version(new)
    shutil.rmtree(target, ignore_errors=True)
    new.rename(target)
    shutil.rmtree(downloads)
    return target


def _record(folder: Path, found: Path) -> None:
    given = _given()
    record = {
        "programs": str(found),
        "version": version(found),
        "from": _identity(given) if given else "",
    }
    part = folder / "record.json.part"
    part.write_text(json.dumps(record))
    part.rename(folder / "record.json")
