"""The exporter's settings: NVIDIA's environment variables and options, the option winning."""

from __future__ import annotations

import argparse
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """`interval` is in seconds; `hostname` is the node's name."""

    host: str
    port: int
    interval: float
    kubernetes: bool
    hostname: str


def read(arguments: Sequence[str], environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings of this run; a value that makes no sense ends the program with the option's name and the reason."""
    parser = argparse.ArgumentParser("dcgm-exporter", description="Metrics of the simulated GPUs.")
    add = parser.add_argument
    add("-a", "--address", type=_address, default=environ.get("DCGM_EXPORTER_LISTEN") or ":9400")
    add("-c", "--collect-interval", type=_interval, default=environ.get("DCGM_EXPORTER_INTERVAL") or "30000")
    add("-k", "--kubernetes", type=_truth, default=environ.get("DCGM_EXPORTER_KUBERNETES") or "false")
    found = parser.parse_args(arguments)
    host, port = found.address
    return Settings(
        host=host or environ.get("POD_IP") or "127.0.0.1",  # never all of the machine's addresses
        port=port,
        interval=found.collect_interval,
        kubernetes=found.kubernetes,
        hostname=environ.get("NODE_NAME") or socket.gethostname(),
    )


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or int(port) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no address such as :9400 or 127.0.0.1:9400")
    return ("" if host == "0.0.0.0" else host), int(port)


def _interval(text: str) -> float:
    """Milliseconds as seconds; DCGM measures ten times a second at most."""
    if not text.isdigit() or int(text) < 100:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of milliseconds, 100 or more")
    return int(text) / 1000


def _truth(text: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither true nor false")
    return text.lower() in ("true", "1")
