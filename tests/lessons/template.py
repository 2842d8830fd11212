"""The parts of a lesson: headings with the cells below them, and what each part must have.

Each rule takes a lesson and returns what is wrong, in words that say what to do; an empty list is a lesson as it
should be.
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from raglab import paths
from raglab.lesson import manifest
from tests.lessons.notebook import Cell, Notebook

CHECK = re.compile(r'check\("([^"]+)"')
FOLDED = "<details><summary><b>On a real cluster</b></summary>"


@dataclass(frozen=True)
class Part:
    """A heading of the second level and the cells until the next one; prose before a heading in one cell included."""

    heading: str
    cells: list[Cell]

    @property
    def prose(self) -> str:
        return "\n".join(cell.source for cell in self.cells if cell.kind == "markdown")

    @property
    def code(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.kind == "code"]

    @property
    def checks(self) -> list[str]:
        return [name for cell in self.code for name in CHECK.findall(cell.source)]


def parts(notebook: Notebook) -> list[Part]:
    """All parts in order."""
    found: list[Part] = []
    for cell in notebook.cells:
        heading = re.search(r"^## (.+)$", cell.source, re.M) if cell.kind == "markdown" else None
        if heading:
            found.append(Part(heading[1], []))
        if found:
            found[-1].cells.append(cell)
    return found


def part(notebook: Notebook, name: str) -> Part:
    """The first part whose heading begins with `name`; an empty one if there is none."""
    return next((one for one in parts(notebook) if one.heading.startswith(name)), Part(name, []))


def sections(notebook: Notebook) -> list[Part]:
    """The numbered parts."""
    return [one for one in parts(notebook) if re.match(r"\d+ · ", one.heading)]


def lesson(notebook: Notebook) -> manifest.Lesson:
    return manifest.load()[notebook.path.name[:2]]


def order(notebook: Notebook) -> list[str]:
    kinds = [re.sub(r"^\d+ · .*|:.*", "", one.heading) or "section" for one in parts(notebook)]
    wanted = ["Where this fits", "Start", "section", "Exercise", "Break it", "Recap"]
    firsts = list(dict.fromkeys(kinds))
    return [] if firsts == wanted and kinds[-1] == "Recap" else [f"headings are {kinds}, in order {wanted}"]


def numbers(notebook: Notebook) -> list[str]:
    found = [int(one.heading.split(" ·")[0]) for one in sections(notebook)]
    right = found == list(range(1, len(found) + 1)) and 3 <= len(found) <= 6
    return [] if right else [f"sections are numbered {found}: three to six, from 1"]


def checks(notebook: Notebook) -> list[str]:
    ended = ("Exercise", "Break it", "Recap")
    due = [*sections(notebook), *(one for one in parts(notebook) if one.heading.startswith(ended))]
    return [f"end {one.heading!r} with a check" for one in due if not one.checks]


def objectives(notebook: Notebook) -> list[str]:
    named = set(re.findall(r"`(\d\d\.[a-z-]+)`", notebook.cells[1].source))
    untold = set(lesson(notebook).checks[:-1]) - named
    return [f"no objective names the check {name}" for name in sorted(untold)]


def place(notebook: Notebook) -> list[str]:
    picture = f"../figures/architecture-{lesson(notebook).number}.svg"
    shown = picture in part(notebook, "Where this fits").prose
    return [] if shown else [f"show {picture} under Where this fits"]


def exercises(notebook: Notebook) -> list[str]:
    return [
        f"{one.heading}: {wrong}"
        for one in parts(notebook)
        if one.heading.startswith("Exercise")
        for wrong in _exercise(one)
    ]


def _exercise(one: Part) -> list[str]:
    wrong = [
        f"fold hint {number}" for number in (1, 2) if f"<details><summary>Hint {number}: " not in one.prose
    ]
    tags = [cell.tags & {"exercise", "solution"} for cell in one.code]
    if tags[:2] != [{"exercise"}, {"solution"}]:
        return [*wrong, "a stub tagged exercise comes first, then a runnable cell tagged solution"]
    stub, solution = one.code[:2]
    if "hidden" not in solution.tags or "<summary>Solution</summary>" not in one.prose:
        wrong.append("hide the solution, and say in a folded line that it follows")
    if not any(CHECK.search(cell.source) for cell in one.code[2:]):
        wrong.append("a check follows the solution")
    return wrong + _disagreement(stub, solution)


def _disagreement(stub: Cell, solution: Cell) -> list[str]:
    """The names a stub begins with are those that its solution uses; imports are tools that it may leave unused."""
    lines = [line for line in stub.lines if not line.startswith(("from ", "import "))]
    names = set(re.findall(r"[A-Za-z_][\w-]*", "\n".join(lines))) - set(keyword.kwlist)
    missing = sorted(name for name in names if name not in solution.source)
    return [f"the stub speaks of {missing}, the solution does not"] if missing or not names else []


def break_it(notebook: Notebook) -> list[str]:
    one = part(notebook, "Break it")
    wrong = [] if re.search(r"\bpredict\b", one.prose, re.I) else ["let the learner predict what happens"]
    repaired = f"{lesson(notebook).number}.repaired"
    return wrong if repaired in one.checks else [*wrong, f"end with the check {repaired}"]


def real_cluster(notebook: Notebook) -> list[str]:
    found = [cell.source for cell in notebook.prose if cell.source.startswith(FOLDED)]
    if len(found) != 1:
        return [f"one cell begins with {FOLDED}"]
    folded = found[0].rstrip().endswith("</details>") and len(re.findall(r"^- ", found[0], re.M)) >= 2
    return [] if folded else ["fold at least two points, to the end of the cell"]


def recap(notebook: Notebook) -> list[str]:
    one = part(notebook, "Recap")
    wrong = [] if len(re.findall(r"^- ", one.prose, re.M)) >= 3 else ["at least three points"]
    if "lean" not in one.prose:
        wrong.append("say that this is the clean-up")
    if one.checks[-1:] != [lesson(notebook).checks[-1]] or one.code[-1] is not notebook.code[-1]:
        wrong.append(f"the last code cell proves with {lesson(notebook).checks[-1]} what remains")
    return wrong + _next(notebook)


def _next(notebook: Notebook) -> list[str]:
    following = dict(pairwise(one.file for one in manifest.load().values())).get(notebook.path.name)
    told = notebook.cells[-1].source
    right = f"]({following})" in told if following else "**Next" in told
    return [] if right else [f"end with a link to {following or 'what comes next'}"]


def pictures(notebook: Notebook) -> list[str]:
    targets = [
        target for cell in notebook.prose for target in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", cell.source)
    ]
    outside = [target for target in targets if not target.startswith("../figures/")]
    missing = [target for target in targets if not (paths.NOTEBOOKS / target).is_file()]
    return [f"{target} is no picture of figures/" for target in sorted({*outside, *missing})]


RULES: dict[str, Callable[[Notebook], list[str]]] = {
    "parts in order": order,
    "three to six numbered sections": numbers,
    "a check ends each part": checks,
    "objectives name every check but the last": objectives,
    "the architecture with its part lit": place,
    "exercise with hints and a hidden solution": exercises,
    "break it: predict, repair": break_it,
    "on a real cluster, folded": real_cluster,
    "recap, clean up, next": recap,
    "pictures come from figures": pictures,
}
