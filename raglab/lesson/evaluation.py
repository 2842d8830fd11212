"""How good is retrieval? Hit rate and mean reciprocal rank over questions whose answers are known.

hit rate@k = share of questions with the evidence among the first k passages.
MRR@k      = mean of 1/rank of the first passage with the evidence (0 if it is not among the k);
             Voorhees, "The TREC-8 Question Answering Track Report", 1999.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from raglab import paths

Search = Callable[[str, int], list[dict[str, Any]]]
"""(question, number of passages) → passages in order, each with ``content`` and ``source``."""


@dataclass(frozen=True, slots=True)
class Score:
    """Outcome for a set of questions; `ranks` has 0 where the evidence was not found."""

    questions: int
    k: int
    ranks: tuple[int, ...]

    @property
    def hit_rate(self) -> float:
        return sum(rank > 0 for rank in self.ranks) / self.questions

    @property
    def mrr(self) -> float:
        return sum(1 / rank for rank in self.ranks if rank) / self.questions


def questions(source: str = "") -> list[dict[str, Any]]:
    """The answerable questions of ``data/questions.jsonl``, all or those on one document."""
    lines = (paths.CHECKOUT / "data" / "questions.jsonl").read_text().splitlines()
    listed = [json.loads(line) for line in lines if line.strip()]
    return [q for q in listed if q["source"] and (not source or q["source"] == source)]


def evaluate(search: Search, source: str = "", k: int = 4) -> Score:
    """Ask `search` every question and see at which rank the evidence appears."""
    asked = questions(source)
    ranks = tuple(rank_of_evidence(search(q["question"], k), q["evidence"]) for q in asked)
    return Score(len(asked), k, ranks)


def rank_of_evidence(passages: Iterable[dict[str, Any]], evidence: str) -> int:
    """1 for the first passage that contains the evidence, ignoring case and line breaks; 0 if none does."""
    wanted = _plain(evidence)
    return next((rank for rank, p in enumerate(passages, 1) if wanted in _plain(p["content"])), 0)


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())
