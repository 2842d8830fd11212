"""Starts the database: makes its data folder if needed, then runs the server in the foreground.

Arguments go to ``postgres``, as with the container image: ``python -m raglab.services.pgvector -c
work_mem=64MB``.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from raglab.services.pgvector import binaries, cluster, lockfile, server, sockets
from raglab.services.pgvector.settings import LaunchError, Settings


def main(arguments: list[str]) -> int:
    """Run the database; the exit code is the server's, or 1 with one line when it cannot start."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    extra = arguments[1:] if arguments[:1] == ["postgres"] else arguments
    try:
        settings = Settings.from_environment(os.environ, os.geteuid())
        with binaries.installation_for(settings) as installation:
            return _serve(settings, installation / "bin", extra)
    except (LaunchError, OSError) as error:
        print(f"pgvector: {error}", file=sys.stderr, flush=True)
        return 1


def _serve(settings: Settings, programs: Path, extra: list[str]) -> int:
    started = time.monotonic()
    if cluster.initialise(settings, programs):
        print(
            f"pgvector: made database {settings.database!r} in {time.monotonic() - started:.1f} s",
            flush=True,
        )
    folder = sockets.prepare(settings)
    lockfile.clear(settings.data, folder / sockets.socket_name(settings))
    try:
        return server.run(server.command(settings, programs, folder, extra), settings)
    finally:
        sockets.leave(folder, settings)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
