"""One question and its answer, as a stream of events for the page.

The events are JSON objects, one a line: ``passages`` (only with the knowledge base), ``text`` for each piece,
``html`` with the whole answer laid out, and ``problem`` when something failed. Passages come first: they are there
in milliseconds, and stay when the model fails.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from raglab.services.frontend import problems
from raglab.services.frontend.problems import Problem
from raglab.services.frontend.rendering import html
from raglab.services.frontend.router import QueryRouter

CUT_OFF = re.compile(r"\n\n\[The answer ends here: (.*)\]\n\Z", re.DOTALL)
"""How the query-router ends the text of an answer that failed midway (`CUT_OFF` in its service.py)."""


@dataclass(frozen=True)
class Question:
    """What a person asks: the text, whether documents are searched, and the most tokens of the answer."""

    text: str
    knowledge_base: bool
    tokens: int


async def answer(router: QueryRouter, question: Question) -> AsyncIterator[dict[str, Any]]:
    """The events of an answer. Nothing is raised: what fails is the last event."""
    text = ""
    try:
        if question.knowledge_base:
            yield {"passages": await router.search(question.text)}
        async for piece in router.generate(question.text, question.knowledge_base, question.tokens):
            text += piece
            yield {"text": piece}
        for event in _ending(text):
            yield event
    except Problem as problem:
        yield problem.body()


def _ending(text: str) -> list[dict[str, Any]]:
    broken = CUT_OFF.search(text)
    whole = {"html": html(text[: broken.start()] if broken else text)}
    return [whole, problems.broken_off(broken[1]).body()] if broken else [whole]
