"""Files only their owner can read, written all or nothing."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

log = logging.getLogger(__name__)


def write_private(path: Path, content: bytes) -> None:
    """Put `content` at `path` with mode 0600; a reader sees the old file or the whole new one."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_json(path: Path, otherwise: Any) -> Any:
    """What a file of ours says; `otherwise` if it is not there, or (which is logged) damaged."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return otherwise
    except ValueError as error:
        log.warning("%s is damaged and not used: %s", path, error)
        return otherwise


@contextmanager
def only_one(folder: Path, what: str) -> Iterator[None]:
    """Hold a lock that the kernel gives back whenever this process ends; `what` runs in the folder above."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SystemExit(f"{what} is running in {folder.parent} already; stop it first") from None
        yield
