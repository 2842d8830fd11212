"""A range of addresses belongs to one cluster of this machine, also while nothing listens in it.

A new cluster may have no listener there: only root may open its first one, port 443 of the Service ``kubernetes``. So
it claims the range by an abstract Unix socket (unix(7)): every user who shares the loopback sees it, and it goes with
the process.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def claimed(cidr: str) -> Iterator[None]:
    """Hold `cidr`; ends this program if another one holds it."""
    with socket.socket(socket.AF_UNIX) as claim:
        try:
            claim.bind(_name(cidr))
        except OSError:
            raise SystemExit(
                f"another cluster on this machine has the addresses {cidr}; end it first"
            ) from None
        yield


def is_claimed(cidr: str) -> bool:
    """Whether some process holds `cidr` now."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.bind(_name(cidr))
        except OSError:
            return True
    return False


def _name(cidr: str) -> str:
    return f"\0raglab-addresses-{cidr}"
