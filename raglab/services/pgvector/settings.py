"""The environment of the container image: POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, PGDATA,
POSTGRES_INITDB_ARGS.

Beside them: HOST or POD_IP (address to listen on), PGPORT, PGSOCKETDIR, and PGUSER_UID, the user id that the
server runs as when the launcher is started by root.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import signal
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NOBODY = 65534
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
HERE = "/proc/self/cwd"
"""The working folder of the process that reads it, also below folders that are closed to it (proc(5))."""


class LaunchError(Exception):
    """The database cannot start; one line that says why and what to do."""


@dataclass(frozen=True)
class Account:
    """Who the server runs as; ``uid`` None means the caller, who then is not root."""

    uid: int | None = None

    def popen(self, on_parent_death: int = signal.SIGKILL) -> dict[str, Any]:
        """Arguments for `subprocess`: the child runs as this account, in no other group, and gets a signal if
        we die.
        """
        arguments: dict[str, Any] = {"preexec_fn": _bound_to_parent(on_parent_death)}
        if self.uid is not None:
            arguments |= {"user": self.uid, "group": self.uid, "extra_groups": []}
        return arguments

    def reaches(self, path: Path) -> bool:
        """Whether every folder above lets this account through; root's home folder lets nobody."""
        above = {*path.parents, *path.resolve().parents}
        return self.uid is None or all(_lets_through(folder, self.uid) for folder in above)

    def name_of(self, folder: Path) -> str:
        """How a program of this account that runs in ``folder`` calls it."""
        return str(folder) if self.reaches(folder) else HERE

    def own(self, path: Path) -> None:
        """Give a file or folder to this account."""
        if self.uid is not None:
            os.chown(path, self.uid, self.uid, follow_symlinks=False)


@dataclass(frozen=True)
class Settings:
    """One database server."""

    data: Path
    host: str
    port: int
    socket_folder: Path
    user: str
    database: str
    account: Account
    create_socket_folder: bool = False
    password: str = field(default="", repr=False)
    initdb_arguments: tuple[str, ...] = ()

    @classmethod
    def from_environment(cls, env: Mapping[str, str], euid: int) -> Settings:
        """Read the settings. Raises LaunchError for values that cannot work."""
        user = env.get("POSTGRES_USER") or "postgres"
        uid = int(env.get("PGUSER_UID") or NOBODY)
        if euid == 0 and uid == 0:
            raise LaunchError(
                "PGUSER_UID is 0, but a database server must not run as root: name another user id"
            )
        return cls(
            data=Path(env.get("PGDATA") or "/var/lib/postgresql/data").absolute(),
            host=env.get("HOST") or env.get("POD_IP") or "127.0.0.1",
            port=int(env.get("PGPORT") or 5432),
            socket_folder=Path(env.get("PGSOCKETDIR") or "/var/run/postgresql"),
            user=user,
            database=env.get("POSTGRES_DB") or user,
            account=Account(uid if euid == 0 else None),
            create_socket_folder="PGSOCKETDIR" in env and "POD_ROOT" not in env,
            password=env.get("POSTGRES_PASSWORD", ""),
            initdb_arguments=tuple(shlex.split(env.get("POSTGRES_INITDB_ARGS", ""))),
        )


def _lets_through(folder: Path, uid: int) -> bool:
    status = folder.stat()
    return bool(status.st_mode & (stat.S_IXUSR if status.st_uid == uid else stat.S_IXOTH))


def _bound_to_parent(number: int) -> Callable[[], None] | None:
    """On Linux the kernel sends the signal when the parent dies, even by SIGKILL: no server outlives its
    launcher.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(PR_SET_PDEATHSIG, number)
