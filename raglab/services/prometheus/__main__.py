"""What the image ``quay.io/prometheus/prometheus`` starts: the real Prometheus, told where it is.

All pods share this machine's network, so an address without a host means the pod's own, not every address of the
machine. Everything else is left to Prometheus, including the image's default arguments, which the catalogue names.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

LISTEN = "--web.listen-address"
DEFAULT_PORT = "9090"


def command(programs: Path, arguments: list[str], ip: str) -> list[str]:
    """The command line: `arguments` with the listening address bound to `ip`, and the web pages that lie beside."""
    given = joined(arguments)
    wanted = next((text.partition("=")[2] for text in given if text.startswith(f"{LISTEN}=")), "")
    host, _, port = wanted.rpartition(":")
    address = f"{ip if host in ('', '0.0.0.0', '[::]') else host}:{port or DEFAULT_PORT}"
    others = [text for text in given if not text.startswith(f"{LISTEN}=")]
    pages = [f"--web.local-assets={programs}/web"] if (programs / "web").is_dir() else []
    return [f"{programs}/prometheus", f"{LISTEN}={address}", *pages, *others]


def joined(arguments: list[str]) -> list[str]:
    """Both spellings of the listening address, ``--x VALUE`` and ``--x=VALUE``, as the second."""
    if LISTEN not in arguments:
        return arguments
    at = arguments.index(LISTEN)
    return [*arguments[:at], "=".join(arguments[at : at + 2]), *arguments[at + 2 :]]


def main() -> None:
    """Become Prometheus."""
    programs = Path(os.environ["RAGLAB_PROMETHEUS"])
    if not (programs / "prometheus").is_file():
        sys.exit("Prometheus is not set up on this machine. Next: raglab setup; raglab down; raglab up")
    line = command(programs, sys.argv[1:], os.environ.get("POD_IP", "127.0.0.1"))
    os.execv(line[0], line)


if __name__ == "__main__":
    main()
