"""Creates the data folder, once and whole.

Everything is written into a sibling of PGDATA that is renamed at the end, after its bytes have reached the
disk. A sibling found at start is the rest of an interrupted attempt and is thrown away; a PGDATA that exists
is complete.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from raglab.services.pgvector.settings import LaunchError, Settings

OPTIONS = ("--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums", "--no-sync")
"""C.UTF-8 sorts by code point and needs no locale files; one sync at the end replaces many."""
HBA = (
    "\n# every address, as in a container: pods and nodes connect from many\nhost all all all scram-sha-256\n"
)


def initialise(settings: Settings, programs: Path) -> bool:
    """Make PGDATA if it is not there and say whether it was made. Raises LaunchError with the reason of a
    failure.
    """
    data = settings.data
    if (data / "PG_VERSION").is_file():
        _hand_over(settings, data)
        return False
    _check_place(settings)
    staging = _staging(settings)
    _fill(settings, programs, staging)
    if data.is_dir():
        data.rmdir()
    staging.rename(data)
    _sync_folder(data.parent)
    return True


def _staging(settings: Settings) -> Path:
    """An empty folder beside PGDATA. Its name is new each time: a killed attempt may still be ending."""
    data = settings.data
    data.parent.mkdir(parents=True, exist_ok=True)
    for left in data.parent.glob(data.name + ".initialising-*"):
        shutil.rmtree(left, ignore_errors=True)
    staging = Path(tempfile.mkdtemp(prefix=data.name + ".initialising-", dir=data.parent))
    settings.account.own(staging)
    return staging


def _check_place(settings: Settings) -> None:
    data = settings.data
    if not settings.password:
        raise LaunchError("POSTGRES_PASSWORD is empty: a new database needs a password")
    if data.is_dir() and any(data.iterdir()):
        raise LaunchError(f"{data} holds files but no database: give PGDATA an empty folder")
    if data.is_mount():
        raise LaunchError(
            f"{data} is the root of a volume: set PGDATA to a folder inside it, e.g. {data}/pgdata"
        )


def _fill(settings: Settings, programs: Path, folder: Path) -> None:
    initdb, postgres, where = f"{programs}/initdb", f"{programs}/postgres", settings.account.name_of(folder)
    run = partial(_run, settings, folder)
    with _password_file(settings) as password:
        login = ["--username", settings.user, "--pwfile", f"/proc/self/fd/{password}", "--auth=scram-sha-256"]
        run([initdb, "--pgdata", where, *login, *OPTIONS, *settings.initdb_arguments], keep=[password])
    with (folder / "pg_hba.conf").open("a") as stream:
        stream.write(HBA)
    if settings.database != "postgres":
        name = settings.database.replace('"', '""')
        run([postgres, "--single", "-D", where, "-j", "postgres"], f'CREATE DATABASE "{name}";\n')
    run([initdb, "--pgdata", where, "--sync-only"])


def _run(
    settings: Settings, folder: Path, command: list[str], text: str = "", keep: Sequence[int] = ()
) -> None:
    """Run a program in the folder as the database's account; its output is shown only if it fails."""
    streams: dict[str, Any] = {"input": text, "text": True, "capture_output": True}
    result = subprocess.run(command, cwd=folder, pass_fds=keep, **streams, **settings.account.popen())
    # single-user mode exits with 0 even when a statement failed
    if result.returncode or "ERROR:" in result.stderr:
        last = " ".join(result.stderr.split("\n")[-6:]).strip()
        raise LaunchError(f"{Path(command[0]).name} failed: {last}")


@contextmanager
def _password_file(settings: Settings) -> Iterator[int]:
    """The descriptor of a file in memory, for our children only: a command line would show the password to
    everyone, and a file on disk may lie below folders that are closed to the database's account.
    """
    with os.fdopen(os.memfd_create("password"), "w") as stream:
        stream.write(settings.password + "\n")
        stream.flush()
        yield stream.fileno()


def _hand_over(settings: Settings, data: Path) -> None:
    """Give the data folder to the database's account if another user, e.g. a non-root launcher, made it."""
    uid = settings.account.uid
    if uid is not None and data.stat().st_uid != uid:
        for folder, _, files in os.walk(data):
            settings.account.own(Path(folder))
            for name in files:
                settings.account.own(Path(folder, name))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
