"""The README's code blocks, so that the text and the test that follows it cannot drift apart."""

from __future__ import annotations

import re

from raglab.paths import CHECKOUT


def commands(heading: str) -> list[str]:
    """The shell commands of the section under `heading`, in order, without their comments."""
    sections = re.split(r"^## ", (CHECKOUT / "README.md").read_text(), flags=re.MULTILINE)
    section = next(text for text in sections if text.startswith(f"{heading}\n"))
    blocks = re.findall(r"```bash\n(.*?)```", section, flags=re.DOTALL)
    lines = [re.sub(r"\s+# .*", "", line).strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if line]
