"""The command line, with the real adapter's flags and defaults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from raglab.services.addons.extension.options import OptionError, Parser, certificate_files, duration

PROGRAM = "/adapter"


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
    certificate, key = certificate_files(given)
    return Options(
        config=Path(given.config),
        prometheus_url=given.prometheus_url,
        relist_interval=given.metrics_relist_interval,
        max_age=max_age,
        port=given.secure_port,
        certificate=certificate,
        key=key,
        verbosity=given.v,
    )


def _parser() -> Parser:
    parser = Parser("adapter")
    add = parser.add_argument
    add("--prometheus-url", default="https://localhost")
    add("--metrics-relist-interval", type=duration, default=600.0)
    add("--metrics-max-age", type=duration, default=0.0)
    add("--config", default="")
    parser.add_serving(6443)
    add("--v", "-v", type=int, default=0)
    return parser
