"""The command line, with the real adapter's flags and defaults."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROGRAM = "/adapter"
_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


class OptionError(Exception):
    """The command line cannot be used."""


@dataclass(frozen=True)
class Options:
    """Durations in seconds."""

    config: Path
    prometheus_url: str
    relist_interval: float
    max_age: float
    port: int
    certificate: Path
    key: Path
    verbosity: int


def duration(text: str) -> float:
    """Seconds of a Go duration such as ``1m30s``; ValueError if it is none."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"invalid duration {text!r}")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> None:  # type: ignore[override]
        raise OptionError(f"unable to parse flags: {message}")


def read(arguments: Sequence[str]) -> Options:
    """Raises `OptionError`. The chart repeats the program's name as first argument; it is dropped."""
    if arguments[:1] == [PROGRAM]:
        arguments = arguments[1:]
    given = _parser().parse_args(arguments)
    if not given.config:
        raise OptionError("no metrics discovery configuration file specified (make sure to use --config)")
    max_age = given.metrics_max_age or given.metrics_relist_interval
    if max_age < given.metrics_relist_interval:
        raise OptionError("max age must not be less than relist interval")
    return Options(
        config=Path(given.config),
        prometheus_url=given.prometheus_url,
        relist_interval=given.metrics_relist_interval,
        max_age=max_age,
        port=given.secure_port,
        certificate=Path(given.tls_cert_file or f"{given.cert_dir}/apiserver.crt"),
        key=Path(given.tls_private_key_file or f"{given.cert_dir}/apiserver.key"),
        verbosity=given.v,
    )


def _parser() -> argparse.ArgumentParser:
    parser = _Parser("adapter", allow_abbrev=False, add_help=False)
    add = parser.add_argument
    add("--prometheus-url", default="https://localhost")
    add("--metrics-relist-interval", type=duration, default=600.0)
    add("--metrics-max-age", type=duration, default=0.0)
    add("--config", default="")
    add("--secure-port", type=int, default=6443)
    add("--cert-dir", default="apiserver.local.config/certificates")
    add("--tls-cert-file", default="")
    add("--tls-private-key-file", default="")
    add("--v", "-v", type=int, default=0)
    return parser
