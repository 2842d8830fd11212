"""Starts the real Locust in a pod, after looking up the master's address.

ZeroMQ, over which workers reach the master, asks the C library, which knows the cluster's names only in pods that have
a hosts file of their own; Python's resolver knows them everywhere.
"""

from __future__ import annotations

import os
import socket
import sys

MASTER = "LOCUST_MASTER_NODE_HOST"


def main() -> int:
    """Replaces this process by Locust; returns only on failure."""
    if name := os.environ.get(MASTER):
        os.environ[MASTER] = address(name)
    try:
        os.execv(sys.executable, [sys.executable, "-m", "locust", *sys.argv[1:]])
    except OSError as error:
        print(f"locust: {error}", file=sys.stderr)
    return 1


def address(name: str) -> str:
    """The address behind a name; the name itself while nobody knows it."""
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except OSError:
        return name
    return str(found[0][4][0])


if __name__ == "__main__":
    sys.exit(main())
