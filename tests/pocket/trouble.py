"""The troubleshooting page as a test reads it: sections, the messages they promise, the commands they tell to type."""

from __future__ import annotations

import re
from dataclasses import dataclass

from raglab import paths

PAGE = paths.NOTEBOOKS / "troubleshooting.md"
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
STEPS = ("Try it", "Find it", "Mend it")


@dataclass(frozen=True)
class Pain:
    """A numbered section."""

    number: int
    title: str
    text: str

    @property
    def is_tried(self) -> bool:
        """Whether the page says how to cause it on the pocket cluster."""
        return "**Try it**" in self.text

    def part(self, name: str) -> str:
        """What stands from the bold `name` to the next one; empty if the section has no such part."""
        found = re.search(rf"^\*\*{name}\*\*.*?(?=^\*\*|\Z)", self.text, flags=re.MULTILINE | re.DOTALL)
        return found[0] if found else ""

    def commands(self, step: str) -> list[str]:
        return [
            line
            for kind, block in BLOCK.findall(self.part(step))
            if kind == "bash"
            for line in block.splitlines()
        ]

    @property
    def messages(self) -> list[str]:
        """Lines that must be seen when it is tried."""
        return [line for _, block in BLOCK.findall(self.part("You see")) for line in block.splitlines()]


def pains() -> list[Pain]:
    """All numbered sections of the page, in their order."""
    found = re.findall(r"^## (\d+) (.+?)\n(.*?)(?=^## |\Z)", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    return [Pain(int(number), title, text) for number, title, text in found]
