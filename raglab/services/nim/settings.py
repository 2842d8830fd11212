"""What a NIM stand-in is told from outside, by the environment variables of the real containers.

Names starting with `NIM_` are those of NIM 1.x; names starting with `RAGLAB_` exist only here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jinja2


class SettingsError(Exception):
    """An environment variable cannot be used; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Common to all model servers."""

    host: str
    port: int
    names: tuple[str, ...]
    models: Path
    threads: int
    log_level: str = "INFO"
    drain_seconds: float = 25.0
    max_waiting: int = 64

    @property
    def served_name(self) -> str:
        """The name that answers carry; requests may use any of `names`."""
        return self.names[0]


@dataclass(frozen=True, kw_only=True)
class LlmSettings(Settings):
    """Settings of the LLM stand-in."""

    context: int = 4096
    slots: int = 4
    chat_template: str = ""
    """In Jinja, in place of the model's own; see `_Environment.template`."""
    reuse_cache: bool = False


@dataclass(frozen=True, kw_only=True)
class EmbeddingSettings(Settings):
    """Settings of the embedding stand-in."""

    max_batch: int = 4096


def llm_settings(environ: Mapping[str, str] = os.environ) -> LlmSettings:
    """Reads the LLM stand-in's settings. Raises SettingsError."""
    env = _Environment(environ)
    return LlmSettings(
        **env.common(port="NIM_SERVER_PORT", name="llama-2-7b-chat", threads=1),
        context=env.number("NIM_MAX_MODEL_LEN", 4096, 256, 8192),
        slots=env.number("RAGLAB_SLOTS", 4, 1, 64),
        chat_template=env.template("NIM_CHAT_TEMPLATE"),
        reuse_cache=env.text("NIM_ENABLE_KV_CACHE_REUSE", "0") == "1",
    )


def embedding_settings(environ: Mapping[str, str] = os.environ) -> EmbeddingSettings:
    """Reads the embedding stand-in's settings. Raises SettingsError."""
    env = _Environment(environ)
    return EmbeddingSettings(
        **env.common(port="NIM_HTTP_API_PORT", name="NV-Embed-QA", threads=2),
        max_batch=env.number("RAGLAB_MAX_BATCH", 4096, 1, 100_000),
    )


@dataclass(frozen=True)
class _Environment:
    environ: Mapping[str, str] = field(repr=False)

    def common(self, *, port: str, name: str, threads: int) -> dict[str, Any]:
        """The fields of `Settings`. `port` is the variable with the port; `name` and `threads` are defaults."""
        return {
            "host": self.host(),
            "port": self.number(port, 8000, 1, 65535),
            "names": self.names(name),
            "models": Path(self.text("RAGLAB_MODELS", "/opt/models")),
            "threads": self.number("NIM_THREADS", threads, 1, 256),
            "log_level": self.text("NIM_LOG_LEVEL", "INFO"),
            "drain_seconds": self.number("RAGLAB_DRAIN_SECONDS", 25, 0, 3600),
            "max_waiting": self.number("RAGLAB_MAX_WAITING", 64, 0, 10_000),
        }

    def text(self, name: str, default: str) -> str:
        return self.environ.get(name) or default

    def number(self, name: str, default: int, low: int, high: int) -> int:
        text = self.text(name, str(default))
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise SettingsError(f"{name} must be a whole number from {low} to {high}, not {text!r}")
        return int(text)

    def template(self, name: str) -> str:
        """The text of the Jinja file whose path the variable holds; without one, empty."""
        if not (path := self.text(name, "")):
            return ""
        try:
            text = Path(path).read_text("utf-8")
            jinja2.Environment(extensions=["jinja2.ext.loopcontrols"]).parse(text)
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{name} names {path}, which cannot be read: {error}") from error
        except jinja2.TemplateSyntaxError as error:
            raise SettingsError(
                f"{name} names {path}, line {error.lineno} of which is no Jinja: {error}"
            ) from error
        return text

    def host(self) -> str:
        """Only the pod's own address; without one, only this machine."""
        return self.text("HOST", self.text("POD_IP", "127.0.0.1"))

    def names(self, default: str) -> tuple[str, ...]:
        """NIM_SERVED_MODEL_NAME is a comma-separated list; the first name is the one answers carry."""
        names = [part.strip() for part in self.text("NIM_SERVED_MODEL_NAME", default).split(",")]
        return tuple(name for name in names if name) or (default,)
