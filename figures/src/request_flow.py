"""The query-router's three methods: what a document and a question go through, and who does each step."""

from __future__ import annotations

from drawing import APPLICATION, NIM, YOURS, Drawing, Kind

DESCRIPTION = (
    "Your notebook, and the frontend, whose chat page your browser opens, call the query-router's three methods. "
    "Upload: the query-router extracts a document's text and splits it into passages, the embedding NIM makes a vector "
    "of each, pgvector stores both. Search: the embedding NIM makes a vector of the question, pgvector finds the "
    "nearest ones, and their passages come back with source and score. Generate: it searches, puts passages and "
    "question into a prompt, and the LLM NIM answers token after token. Without the knowledge base the question goes "
    "past the search, straight into the prompt."
)
Step = tuple[int, list[str], Kind]
LANES: tuple[tuple[str, tuple[Step, ...]], ...] = (
    (
        "Upload: POST /uploadDocument",
        (
            (0, ["Document", "PDF, DOCX, HTML …"], YOURS),
            (1, ["Extract, split", "into passages"], APPLICATION),
            (2, ["Embedding NIM", "a vector each"], NIM),
            (3, ["pgvector", "stores both"], APPLICATION),
        ),
    ),
    (
        "Search: POST /documentSearch",
        (
            (0, ["Question", "in your words"], YOURS),
            (2, ["Embedding NIM", "its vector"], NIM),
            (3, ["pgvector", "finds the nearest"], APPLICATION),
            (4, ["Passages", "source and score"], YOURS),
        ),
    ),
    (
        "Generate: POST /generate",
        (
            (0, ["Question", "in your words"], YOURS),
            (1, ["Search", "as above"], APPLICATION),
            (2, ["Prompt", "passages, question"], APPLICATION),
            (3, ["LLM NIM", "token after token"], NIM),
            (4, ["Answer", "while it is written"], YOURS),
        ),
    ),
)
LEFT, STEP, WIDTH, HEIGHT = 30, 180, 150, 54


def draw() -> Drawing:
    """Who asks above, and one lane for each method."""
    d = Drawing(930, 452, "What happens to a document and to a question", DESCRIPTION)
    d.box((30, 15), (150, 54), ["Your notebook", "requests"], YOURS)
    d.box((390, 15), (150, 54), ["Your browser", "NodePort 30001"], YOURS)
    d.box((570, 15), (150, 54), ["frontend", "chat page"], APPLICATION)
    d.arrow([(540, 42), (568, 42)])
    d.frame((15, 105), (900, 340), "query-router, NodePort 30081")
    for x in (105, 645):
        d.arrow([(x, 69), (x, 103)])
    for number, (name, steps) in enumerate(LANES):
        _lane(d, 152 + 96 * number, name, steps)
    _past_the_search(d, 152 + 96 * 2 + 8 + HEIGHT)
    return d


def _lane(d: Drawing, y: float, name: str, steps: tuple[Step, ...]) -> None:
    d.text(LEFT, y, name, "title left")
    before = None
    for column, lines, kind in steps:
        x = LEFT + STEP * column
        d.box((x, y + 8), (WIDTH, HEIGHT), lines, kind)
        if before is not None:
            d.arrow([(before, y + 8 + HEIGHT / 2), (x - 2, y + 8 + HEIGHT / 2)])
        before = x + WIDTH


def _past_the_search(d: Drawing, bottom: float) -> None:
    start, end = LEFT + WIDTH / 2, LEFT + 2 * STEP + WIDTH / 2
    d.arrow([(start, bottom), (start, bottom + 24), (end, bottom + 24), (end, bottom + 2)])
    d.text((start + end) / 2, bottom + 18, "without the knowledge base")
