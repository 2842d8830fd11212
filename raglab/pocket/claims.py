"""Names that one process of this machine holds at a time, such as a cluster's range of addresses.

A new cluster may have no listener in its range: only root may open its first one, port 443 of the Service
``kubernetes``. So it claims the range by an abstract Unix socket (unix(7)): every user who shares the loopback sees
it, and it goes with the process.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def claim(name: str) -> Iterator[bool]:
    """Hold `name` until the block ends; yields False if another process holds it."""
    with socket.socket(socket.AF_UNIX) as holder:
        yield _bind(holder, name)


def _bind(holder: socket.socket, name: str) -> bool:
    try:
        holder.bind(f"\0{name}")
    except OSError:
        return False
    return True


@contextmanager
def claimed(cidr: str) -> Iterator[None]:
    """Hold the addresses `cidr`; ends this program if another one holds them."""
    with claim(_range(cidr)) as ours:
        if not ours:
            raise SystemExit(f"another cluster on this machine has the addresses {cidr}; end it first")
        yield


def is_claimed(cidr: str) -> bool:
    """Whether some process holds `cidr` now. Only looks: a trial claim would be in the way of a cluster that starts."""
    rows = Path("/proc/net/unix").read_text().splitlines()
    return any(row.endswith(f" @{_range(cidr)}") for row in rows)


def _range(cidr: str) -> str:
    return f"raglab-addresses-{cidr}"
