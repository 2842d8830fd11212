"""Runs the server and passes signals on: SIGTERM and SIGINT mean a fast shutdown (open sessions are ended,
data is safe).

PostgreSQL takes SIGTERM as "wait for every session to end", which a pod's grace period would cut short with a
kill; the container image therefore names SIGINT as its stop signal. Pods here are stopped by SIGTERM, so this
process translates.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

from raglab.services.pgvector.settings import Settings


def command(settings: Settings, programs: Path, sockets: Path, extra: list[str]) -> list[str]:
    """The server's command line; ``extra`` are further arguments, such as ``-c work_mem=64MB``."""
    options = {
        "listen_addresses": settings.host,
        "port": str(settings.port),
        "unix_socket_directories": str(sockets),
        "log_destination": "stderr",
        "logging_collector": "off",
    }
    pairs = [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
    return [str(programs / "postgres"), "-D", settings.account.name_of(settings.data), *pairs, *extra]


def run(arguments: list[str], settings: Settings) -> int:
    """Run the server until it ends, its log on our standard output; returns its exit code."""
    process = subprocess.Popen(
        arguments,
        stdin=subprocess.DEVNULL,
        stdout=sys.stdout,
        stderr=sys.stdout,
        cwd=settings.data,
        **settings.account.popen(on_parent_death=signal.SIGINT),
    )

    def stop(number: int, frame: FrameType | None) -> None:
        process.send_signal(signal.SIGINT)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    return process.wait()
