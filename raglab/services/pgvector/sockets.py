"""Chooses the folder of the server's Unix socket.

In a pod with a root file system of its own it is the one everyone knows, ``/var/run/postgresql``, which the
image names in PGSOCKETDIR. Where paths are the machine's (POD_ROOT is set then), that folder may belong to a
server of the operating system and is neither made nor taken over: the socket lies in a temporary folder, and
the pod's client programs (`tools`) look there.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from raglab.services.pgvector.settings import Account, LaunchError, Settings

LIMIT = 107
"""Bytes in the path of a Unix socket: ``sun_path`` has 108 with its closing NUL (unix(7))."""


def prepare(settings: Settings) -> Path:
    """A folder the server may put its socket in. Raises LaunchError when there is none."""
    if settings.create_socket_folder:
        settings.socket_folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    for folder in fallback_folders(settings):
        if _usable(settings.socket_folder, settings):
            return settings.socket_folder
        folder.mkdir(mode=0o755, exist_ok=True)
        if _usable(folder, settings):
            print(f"pgvector: the Unix socket lies in {folder}", flush=True)
            return folder
    raise LaunchError(
        f"{settings.socket_folder} cannot hold the socket: set PGSOCKETDIR to a short folder of yours"
    )


def leave(folder: Path, settings: Settings) -> None:
    """Remove the folder if `prepare` made it outside the pod's own and the server, which has ended, left it empty."""
    if folder in fallback_folders(settings):
        with suppress(OSError):
            folder.rmdir()


def current(settings: Settings) -> Path:
    """Where the socket of the running server is, for client programs."""
    folders = [settings.socket_folder, *fallback_folders(settings)]
    return next((folder for folder in folders if (folder / socket_name(settings)).exists()), folders[0])


def fallback_folders(settings: Settings) -> list[Path]:
    """Folders of the launcher's user for the server at this address; the second for a TMPDIR that is long or
    closed to the database's account.
    """
    digest = sha256(f"{settings.host}:{settings.port}".encode()).hexdigest()[:8]
    name = f"postgresql-{os.geteuid()}-{digest}"
    return [Path(tempfile.gettempdir(), name), Path("/tmp", name)]


def socket_name(settings: Settings) -> str:
    """The file name PostgreSQL gives its socket."""
    return f".s.PGSQL.{settings.port}"


def _usable(folder: Path, settings: Settings) -> bool:
    path = folder / socket_name(settings)
    return len(os.fsencode(path)) <= LIMIT and _writable(folder, settings.account)


def _writable(folder: Path, account: Account) -> bool:
    if not folder.is_dir() or folder.is_symlink() or not account.reaches(folder):
        return False
    if account.uid is None:
        return os.access(folder, os.W_OK)
    owner = folder.stat().st_uid
    if owner == 0 and not any(folder.iterdir()):  # a fresh volume of the pod
        account.own(folder)
        return True
    return owner == account.uid
