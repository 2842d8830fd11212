"""The prompt templates: those of `prompts.yaml`, or what the environment puts in their place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from haystack.components.builders import ChatPromptBuilder
from haystack.dataclasses import ChatMessage

from raglab.services.query_router.settings import Settings, SettingsError

VARIABLES = ["question", "context", "documents"]
_MAKERS = {
    "system": ChatMessage.from_system,
    "user": ChatMessage.from_user,
    "assistant": ChatMessage.from_assistant,
}


def templates(settings: Settings) -> dict[str, list[ChatMessage]]:
    """Templates by name, ``chat`` and ``rag``. Raises SettingsError when one cannot be used."""
    document = yaml.safe_load(Path(__file__).with_name("prompts.yaml").read_text("utf-8"))
    own = {"chat": settings.chat_template, "rag": settings.rag_template}
    found = {name: _messages(name, _parsed(own[name]) or document[name]) for name in document}
    for name, messages in found.items():
        _check(name, messages)
    return found


def _parsed(text: str) -> Any:
    """A template from the environment: YAML if it is a list, else plain text."""
    if not text.lstrip().startswith("-"):
        return [{"user": text}] if text else None
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise SettingsError(f"APP_PROMPTS_…TEMPLATE is not a YAML list of messages: {error}") from error


def _messages(name: str, entries: Any) -> list[ChatMessage]:
    try:
        return [_MAKERS[role](text) for entry in entries for role, text in entry.items()]
    except (KeyError, AttributeError, TypeError) as error:
        raise SettingsError(
            f"the {name} prompt is not a list of system, user or assistant messages"
        ) from error


def _check(name: str, messages: list[ChatMessage]) -> None:
    try:
        builder = ChatPromptBuilder(template=messages, variables=VARIABLES, required_variables=[])
        builder.run(question="", context="", documents=[])
    except Exception as error:  # Jinja's and Haystack's: whatever is wrong with a template, it is wrong now
        raise SettingsError(f"the {name} prompt cannot be rendered: {error}") from error
