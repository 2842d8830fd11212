"""The environment of the container image: POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, PGDATA,
POSTGRES_INITDB_ARGS.

Beside them: HOST or POD_IP (address to listen on), PGPORT, PGSOCKETDIR, and PGUSER_UID, the user id that the
server runs as when the launcher is started by root.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

NOBODY = 65534


class LaunchError(Exception):
    """The database cannot start; one line that says why and what to do."""


@dataclass(frozen=True)
class Account:
    """Who the server runs as; ``uid`` None means the caller, who then is not root."""

    uid: int | None = None

    def popen(self) -> dict[str, Any]:
        """Arguments for `subprocess` that make a child run as this account, in no other group."""
        return {} if self.uid is None else {"user": self.uid, "group": self.uid, "extra_groups": []}

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
