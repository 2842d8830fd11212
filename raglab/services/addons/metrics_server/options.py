"""The command line, with the real metrics-server's flags and defaults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from raglab.services.addons.extension.options import OptionError, Parser, certificate_files, duration

SHORTEST = 10.0
"""Seconds between two scrapes at least."""
IGNORED = ("--kubelet-insecure-tls", "--kubelet-use-node-status-port")
IGNORED_WITH_VALUE = (
    "--kubelet-preferred-address-types",
    "--kubelet-certificate-authority",
    "--kubelet-port",
    "--authorization-always-allow-paths",
    "--v",
)
"""Say how to reach kubelets or who may look: here the API server does both."""


@dataclass(frozen=True)
class Options:
    """`resolution` in seconds."""

    port: int
    certificate: Path
    key: Path
    resolution: float


def read(arguments: Sequence[str]) -> Options:
    """Raises `OptionError`."""
    given = _parser().parse_args(arguments)
    if given.metric_resolution < SHORTEST:
        raise OptionError(
            "metric-resolution should be a time duration at least 10s, "
            f"but value {given.metric_resolution:g}s provided"
        )
    certificate, key = certificate_files(given)
    return Options(
        port=given.secure_port,
        certificate=certificate,
        key=key,
        resolution=given.metric_resolution,
    )


def _parser() -> Parser:
    parser = Parser("metrics-server")
    add = parser.add_argument
    add("--metric-resolution", type=duration, default=60.0)
    parser.add_serving(443)
    for flag in IGNORED:
        add(flag, nargs="?", const="true")
    for flag in IGNORED_WITH_VALUE:
        add(flag)
    return parser
