"""The IPython extension of every lesson: shell commands run on the lab's cluster, and a failing one fails its cell.

Stock IPython ignores exit codes: ``!false`` passes, and so does a failing line in the middle of ``%%bash``. Here both
run in bash with ``-e`` and ``pipefail``, standard error merged into the output, in a process group of their own that
ends with the cell.
"""

from __future__ import annotations

import os
import signal
import subprocess
from typing import Any

from IPython.utils.text import LSString, SList

from raglab.lesson.progress import mark_extension
from raglab.targets import current

BASH = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c"]


class CommandFailed(Exception):
    """A shell command ended with a code other than 0."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the command above ended with exit code {code}")

    def _render_traceback_(self) -> list[str]:
        """One line instead of IPython's traceback: the command's own message stands above it."""
        return [f"CommandFailed: {self}"]


def _start(command: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*BASH, command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    )


def _lines(command: str) -> Any:
    """Yield output as it comes; raise on failure; leave no process behind, also when the cell is interrupted."""
    process = _start(command)
    assert process.stdout is not None
    try:
        yield from process.stdout
        code = process.wait()
    finally:
        _end(process)
    if code:
        raise CommandFailed(code)


def _end(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGTERM)
    except ProcessLookupError:
        return
    process.wait()


def load(shell: Any) -> None:
    """Replace the three ways a cell runs shell commands, and set the target's variables."""

    def system(command: str) -> None:
        for line in _lines(shell.var_expand(command, depth=1)):
            print(line, end="", flush=True)

    def getoutput(command: str, split: bool = True, depth: int = 0) -> SList | LSString:
        text = "".join(_lines(shell.var_expand(command, depth=depth + 1)))
        return SList(text.splitlines()) if split else LSString(text)

    def bash(line: str, cell: str) -> None:
        for text in _lines(cell):
            print(text, end="", flush=True)

    os.environ.update(current().environment())
    shell.system = shell.system_raw = shell.system_piped = system
    shell.getoutput = getoutput
    shell.register_magic_function(bash, magic_kind="cell", magic_name="bash")
    mark_extension()
