"""The cell rules of the course. Each message states the rule, the reason and the fix."""

from __future__ import annotations

import re
from statistics import median

from tests.lessons.notebook import NOTEBOOKS, Notebook, read

TAGS = {"raises-exception", "nbval-ignore-output", "exercise", "solution", "hidden"}

WIDTH = 106  # characters that fit beside the file browser, in a window of 1280 pixels

BANNED = {
    r"\bsleep\b": "a fixed pause is too long or too short; wait for the state: wait_for, kubectl wait --for",
    r"kubectl\b.*\s(-w|--watch)\b": "a watch never ends; use kubectl wait --for with a --timeout",
    r"kubectl\b.*\s(-it|-ti)\b": "a terminal does not exist here; leave -it out",
    r"\|\s*head\b": "head ends early, and pipefail then fails the cell; select with -o jsonpath or grep",
    r":latest\b": "latest is another image tomorrow; name a version",
    r"[a-z]+-[a-f0-9]{8,10}-[a-z0-9]{5}\b": "a generated pod name differs on every run; use deployment/NAME or a label",
    r"if .*\btarget\b.*==": "a lesson does not know its target; put the difference into the values files",
    r"https?://(?!127\.0\.0\.1|localhost|\{)": "the lab works offline; link pages in prose, do not fetch them",
}


def test_code_cells_are_short(notebook: Notebook) -> None:
    long = [(cell.index, len(cell.lines)) for cell in notebook.code if len(cell.lines) > 15]
    assert not long, f"code cells have at most 15 lines so that one idea stays visible; split {long}"
    assert median(len(cell.lines) for cell in notebook.code) <= 4, (
        "half of all code cells have at most 4 lines"
    )


def test_lines_fit_the_page(notebook: Notebook) -> None:
    for cell in notebook.code:
        long = [line for line in cell.lines if len(line) > WIDTH]
        assert not long, f"cell {cell.index}: code of more than {WIDTH} characters scrolls sideways: {long}"
        text = "".join("".join(out.get("text", "")) for out in cell.outputs)
        heads = [line for line in text.splitlines() if line.isupper() and len(line) > WIDTH]
        assert not heads, f"cell {cell.index}: wide tables wrap and cannot be read; choose columns: {heads}"


def test_prose_cells_are_short(notebook: Notebook) -> None:
    long = [
        (cell.index, len(cell.source.split())) for cell in notebook.prose if len(cell.source.split()) > 120
    ]
    assert not long, f"prose cells have at most 120 words: learners skip walls of text; split {long}"


def test_no_banned_commands(notebook: Notebook) -> None:
    for cell in notebook.code:
        for pattern, reason in BANNED.items():
            found = re.search(pattern, cell.source)
            assert not found, f"cell {cell.index} has {found[0]!r}: {reason}"


def test_tags_are_known(notebook: Notebook) -> None:
    used = frozenset().union(*(cell.tags for cell in notebook.cells))
    assert used <= TAGS, (
        f"tags {sorted(used - TAGS)} are unknown to the tests; the closed list is {sorted(TAGS)}"
    )


def test_few_outputs_are_left_uncompared() -> None:
    cells = [cell for path in NOTEBOOKS for cell in read(path).code]
    ignored = [cell for cell in cells if "nbval-ignore-output" in cell.tags]
    share = len(ignored) / len(cells)
    assert share <= 0.05, (
        f"{share:.1%} of all code cells are not compared, 5 % are allowed; print facts in a stable shape"
    )


def test_wait_commands_are_bounded(notebook: Notebook) -> None:
    for cell in notebook.code:
        for line in cell.source.replace("\\\n", " ").splitlines():
            if re.search(r"kubectl (wait|rollout status)", line):
                assert "--timeout" in line, (
                    f"cell {cell.index}: give kubectl wait a --timeout, or a failure hangs the class"
                )


def test_headings_are_plain(notebook: Notebook) -> None:
    for cell in notebook.prose:
        for line in cell.lines:
            if line.startswith("#"):
                assert not re.search(r"[\U0001F300-\U0001FAFF☀-➿!]", line), f"no emoji, no hype: {line}"


def test_first_code_cell_loads_the_extension(notebook: Notebook) -> None:
    first = notebook.code[0].source
    number = notebook.path.name[:2]
    assert first.startswith("%load_ext raglab.lesson"), "without the extension a failing shell command passes"
    assert f'start("{number}")' in first, "the first cell restores the lesson's state"
