"""When two outputs say the same: equal texts, but for names that each cluster makes up and for the passing of time.

Both texts are split into literal parts and variables. Literal parts must be equal. Variables must be of one kind, and
those that name something (a uid, a generated name, an address, a port) must do so one to one through a whole
transcript: what was `query-router-74cd5d4bc8-lq6tv` there and `query-router-6f9c4-x2vnp` here stays so. Only an
address may stand for two, as the node and the API server share one here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

LETTERS = "[bcdfghjklmnpqrstvwxz2456789]"
NAMES = {
    "uid": r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b",
    "address": r"(?<![\d.])\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(?:/\d\d)?(?![\d.])",
    "generated": rf"(?<![A-Za-z0-9.])(?:{LETTERS}{{7,10}}|{LETTERS}{{5}})(?![A-Za-z0-9])|(?<=\.)[0-9a-f]{{16}}\b",
    "port": r"(?<=:)3[0-2]\d{3}\b|\b3[0-2]\d{3}(?=/TCP)|(?<=nodePort: )\d+",
}
"""Variables with an identity. Generated parts have the letters of k8s.io/apimachinery/pkg/util/rand."""

LOOPBACK = "127.0.0.1"
"""Where the recorded API server listened, and much else."""

PASSING = {
    "time": r"20\d\d[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| [+-]\d{4} [A-Z]+)?"
    r"|[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} 20\d\d \d\d:\d\d:\d\d [+-]\d{4}"
    r"|[A-Z][a-z]{2} [A-Z][a-z]{2} +\d+ \d\d:\d\d:\d\d 20\d\d|(?<=modifiedAt\":\")\d+",
    "age": r"(?:^|(?<=  )|(?<=over )|(?<=lasts )|(?<=\())\d+[smhd](?:\d+[smhd])?(?=  | ago| \(|\)|$)",
    "version": r'(?<=resourceVersion: ")\d+|(?<="resourceVersion": ")\d+|(?<=Resource Version:  )\d+'
    r'|(?<=resourceVersion\\":\\")\d+',
    "machine": r'(?<=cpu: )"\d+"|(?<=cpu:  )\d+|(?<="cpu": ")\d+|(?<="cpu":")\d+|\b\d{7,}Ki\b'
    r"|\d+\.\d+\.\d+-[\w.-]+ \(amd64\)|\b(?:docker|pocket)(?:-pullable)?://[\w.:/@+-]+"
    r"|in \d+m?s \(\d+m?s including waiting\)|Image size: \d+ bytes",
    "digest": r"\b(?:sha256:)?[0-9a-f]{64}\b",
    "log prefix": r"^[IWE]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ [\w.]+:\d+\]",
    "diff folder": r"(?<=/)(?:LIVE|MERGED)-\d+(?=/)",
}
"""Variables that differ with the moment and the machine, and identify nothing."""

VARIABLE = re.compile(
    "|".join(f"(?P<{kind.replace(' ', '_')}>{pattern})" for kind, pattern in (PASSING | NAMES).items()),
    re.MULTILINE,
)
Part = tuple[str, str]


@dataclass
class Unifier:
    """What is known so far about which names here stand for which names there."""

    there: dict[Part, Part] = field(default_factory=dict)
    here: dict[Part, Part] = field(default_factory=dict)

    def equal(self, recorded: list[str], seen: list[str]) -> bool:
        """Whether the outputs of one step agree; only then are its new names remembered."""
        theirs = {part: place for place, part in enumerate(self.there)}
        ours = {part: theirs[other] for other, part in self.there.items()}
        pairs = [
            pair
            for one, other in zip(recorded, seen, strict=True)
            for pair in _pairs(tidy(one, theirs), tidy(other, ours))
        ]
        trial = Unifier(dict(self.there), dict(self.here))
        if not all(trial._agree(*pair) for pair in pairs):
            return False
        self.there, self.here = trial.there, trial.here
        return True

    def _agree(self, recorded: Part, seen: Part) -> bool:
        if recorded[0] != seen[0]:
            return False
        if recorded[0] in PASSING:
            return True
        if recorded[0] not in NAMES:
            return recorded == seen
        if recorded[1] == LOOPBACK:
            return True
        alone = recorded[0] == "address" or self.here.setdefault(seen, recorded) == recorded
        return alone and self.there.setdefault(recorded, seen) == seen


def _pairs(recorded: str, seen: str) -> list[tuple[Part, Part]]:
    one, other = parts(recorded), parts(seen)
    if len(one) != len(other):
        return [(("text", recorded), ("text of another shape", seen))]
    return list(zip(one, other, strict=True))


def tidy(text: str, places: dict[Part, int] | None = None) -> str:
    """Columns narrowed to two spaces, as their width depends on names and ages, and lines of no order settled.

    `places` tells in which order names were met before.
    """
    lines = [re.sub(r"(?<=\S)(?:[ \t]*\t[ \t]*| {2,})", "  ", line).rstrip() for line in text.splitlines()]
    return "\n".join(_settle(lines, places or {})).strip("\n")


def _settle(lines: list[str], places: dict[Part, int]) -> list[str]:
    """Neighbouring lines of no certain order, or of that of generated names, in the order of what they say."""

    def order(line: str) -> tuple[str, list[int]]:
        return blank(line), [places.get(part, len(places)) for part in parts(line) if part[0] in NAMES]

    settled: list[str] = []
    run: list[str] = []
    for line in [*lines, ""]:
        if any(kind in ("generated", "log prefix") for kind, _ in parts(line)):
            run.append(line)
            continue
        settled += [*sorted(run, key=order), line]
        run = []
    return settled[:-1]


def blank(line: str) -> str:
    """A line without its variables."""
    return VARIABLE.sub("*", line)


def evenly(one: str, other: str) -> tuple[str, str]:
    """Two texts that were cut at the same length, the longer one without what it has at its end.

    Variables before are not equally wide: Go writes a time without the zeros at its end.
    """
    spare = len(blank(one)) - len(blank(other))
    return one[: len(one) - max(spare, 0)], other[: len(other) - max(-spare, 0)]


def parts(text: str) -> list[Part]:
    """Literal parts and variables in order, each with its kind."""
    found: list[Part] = []
    end = 0
    for match in VARIABLE.finditer(text):
        found += [
            ("text", text[end : match.start()]),
            (str(match.lastgroup).replace("_", " "), match.group()),
        ]
        end = match.end()
    return [*found, ("text", text[end:])]
