"""Command lines in the style of Go programs."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


class OptionError(Exception):
    """The command line cannot be used."""


def duration(text: str) -> float:
    """Seconds of a Go duration such as ``1m30s``; ValueError if it is none."""
    parts = _PART.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"invalid duration {text!r}")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


class Parser(argparse.ArgumentParser):
    """Raises `OptionError` where argparse would end the program."""

    def __init__(self, program: str) -> None:
        super().__init__(program, allow_abbrev=False, add_help=False)

    def error(self, message: str) -> None:  # type: ignore[override]
        raise OptionError(f"unable to parse flags: {message}")

    def add_serving(self, port: int) -> None:
        """The flags of ``k8s.io/apiserver`` that say where to serve; `port` is the default."""
        self.add_argument("--secure-port", type=int, default=port)
        self.add_argument("--cert-dir", default="apiserver.local.config/certificates")
        self.add_argument("--tls-cert-file", default="")
        self.add_argument("--tls-private-key-file", default="")


def certificate_files(given: argparse.Namespace) -> tuple[Path, Path]:
    """Certificate and key, named or in the folder for them."""
    folder = Path(given.cert_dir)
    certificate = given.tls_cert_file or folder / "apiserver.crt"
    return Path(certificate), Path(given.tls_private_key_file or folder / "apiserver.key")
