"""Rule files: the groups of each PrometheusRule, checked by promtool before Prometheus sees them."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]


def file_name(rule: Object) -> str:
    """``NAMESPACE-NAME-UID.yaml``, the real operator's."""
    meta = rule["metadata"]
    return f"{meta['namespace']}-{meta['name']}-{meta['uid']}.yaml"


def content(rule: Object) -> str:
    """The file's text."""
    return yaml.safe_dump({"groups": (rule.get("spec") or {}).get("groups") or []}, sort_keys=False)


class Checker:
    """Asks promtool about rules, once for each version of an object."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], str] = {}

    async def objection(self, rule: Object) -> str:
        """What is wrong with a rule, in promtool's words; empty if it is right, or if there is no promtool."""
        key = (rule["metadata"]["uid"], rule["metadata"]["resourceVersion"])
        if key not in self._known:
            self._known[key] = await check(content(rule))
        return self._known[key]


async def check(text: str) -> str:
    """promtool's complaint about a rule file; empty if it has none."""
    promtool = shutil.which("promtool")
    if promtool is None:
        return ""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rules.yaml"
        file.write_text(text)
        process = await asyncio.create_subprocess_exec(
            promtool,
            "check",
            "rules",
            str(file),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        complaint = (await process.communicate())[1].decode()
    return complaint.replace(f"{file}: ", "").strip() if process.returncode else ""
