"""PostgreSQL's client programs inside the pod: ``python -m raglab.services.pgvector.tools psql ...``.

The scripts in ``services/bin/pgvector`` call this, so that ``psql -h /var/run/postgresql`` works as in the
container image. Where the pod has no such folder of its own, the server's socket lies elsewhere and the
option is redirected.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from raglab.services.pgvector import binaries, sockets
from raglab.services.pgvector.settings import LaunchError, Settings


def main(arguments: list[str]) -> int:
    """Replace this process by the program; returns only on failure."""
    try:
        settings = Settings.from_environment(os.environ, os.geteuid())
        program = binaries.installation() / "bin" / Path(arguments[0]).name
        os.environ.setdefault("PGHOST", str(sockets.current(settings)))
        os.execv(program, [program.name, *redirected(arguments[1:], settings)])
    except (LaunchError, OSError, IndexError) as error:
        print(f"pgvector tools: {error or 'which program?'}", file=sys.stderr)
    return 1


def redirected(arguments: list[str], settings: Settings) -> list[str]:
    """The arguments with the socket folder everyone knows replaced by the one the server uses."""
    known, actual = str(settings.socket_folder), str(sockets.current(settings))
    spellings = {known: actual, f"-h{known}": f"-h{actual}", f"--host={known}": f"--host={actual}"}
    return [spellings.get(word.rstrip("/"), word) for word in arguments]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
