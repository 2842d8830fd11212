"""Settings of the frontend, all from environment variables; ``APP_SERVERURL`` and ``APP_SERVERPORT`` are named as in
NVIDIA's original page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


class SettingsError(ValueError):
    """A variable holds a value that cannot work; the message names it."""


@dataclass(frozen=True)
class Settings:
    """What one frontend is told."""

    host: str = "127.0.0.1"
    port: int = 8090
    server_url: str = "http://query-router"
    server_port: int = 8081
    passages: int = 4
    """Passages shown for an answer; the same number that the query-router fetches for it, ``APP_RETRIEVER_TOPK``."""
    answer_tokens: int = 250
    """Most tokens of an answer, as in the original."""
    namespace: str = ""
    """Where the application's pods are, for the commands that problems suggest. Empty: the commands name none."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Settings:
        """Read the variables of `VARIABLES`; an empty one counts as not set. Raises SettingsError."""
        values: dict[str, object] = {"host": env.get("POD_IP") or cls.host}
        for name, (variable, convert) in VARIABLES.items():
            if text := env.get(variable):
                try:
                    values[name] = convert(text)
                except ValueError as error:
                    raise SettingsError(f"{variable} is {text!r}: {error}") from error
        return cls(**values)  # type: ignore[arg-type]

    @property
    def query_router(self) -> str:
        """Base address of the query-router."""
        return f"{self.server_url}:{self.server_port}"


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise ValueError("a positive number is needed")
    return int(text)


def _address(text: str) -> str:
    base = text if "://" in text else f"http://{text}"
    if not base.startswith(("http://", "https://")) or ":" in base.partition("://")[2]:
        raise ValueError("an address such as http://query-router is needed, the port is APP_SERVERPORT")
    return base.rstrip("/")


VARIABLES: dict[str, tuple[str, Callable[[str], object]]] = {
    "host": ("HOST", str),
    "port": ("PORT", _positive),
    "server_url": ("APP_SERVERURL", _address),
    "server_port": ("APP_SERVERPORT", _positive),
    "passages": ("APP_RETRIEVER_TOPK", _positive),
    "answer_tokens": ("APP_ANSWER_NUMTOKENS", _positive),
    "namespace": ("POD_NAMESPACE", str),
}
