"""How good is a language model at what it is for here? Questions on passages that hold the answer.

Retrieval is left out: the passage is the sentence with the evidence, so that only the model is judged. An answer is
right if it contains the keywords that `data/questions.jsonl` names. That is a coarse measure: it takes a model that
repeats the passage for one that reads, and a dozen questions tell a broken model from a working one, not a good one
from a slightly better one.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

from raglab import paths
from raglab.lesson.evaluation import questions

Ask = Callable[[str, str], str]
"""(passage, question) → answer."""
MARGIN = 0.25
"""Share of right answers by which a model may fall behind before that is more than chance: with a dozen questions,
each right or wrong by the toss of a coin, the difference of two models has a standard deviation of
sqrt(2 * 0.25 / 12) = 0.2."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model said to one question."""

    question: str
    text: str
    right: bool


@dataclass(frozen=True, slots=True)
class Grade:
    """Outcome of all questions."""

    answers: tuple[Answer, ...]

    @property
    def right(self) -> int:
        return sum(answer.right for answer in self.answers)

    @property
    def share(self) -> float:
        """Share of right answers, 0 to 1."""
        return self.right / len(self.answers)

    def keeps_up_with(self, other: Grade) -> bool:
        """Whether a model with this grade may take the place of one with the other: not worse by more than chance."""
        return self.share >= other.share - MARGIN


def grade(ask: Ask) -> Grade:
    """Ask every question of ``data/reading.jsonl``, one after the other."""
    return Grade(tuple(_put(ask, passage, question) for passage, question in _reading()))


def _put(ask: Ask, passage: str, question: dict[str, object]) -> Answer:
    text = ask(passage, str(question["question"]))
    return Answer(str(question["question"]), text, _holds(text, question["keywords"]))


def _holds(text: str, keywords: object) -> bool:
    assert isinstance(keywords, list)
    return all(keyword.casefold() in text.casefold() for keyword in keywords)


def _reading() -> list[tuple[str, dict[str, object]]]:
    """Passages with their questions."""
    by_id = {question["id"]: question for question in questions()}
    lines = (paths.CHECKOUT / "data" / "reading.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines if line.strip()]
    return [(entry["passage"], by_id[entry["id"]]) for entry in entries]
